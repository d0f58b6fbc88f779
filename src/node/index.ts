export {useBackend} from './backend.js';
export type {BackendName, BackendOptions, ChosenBackend} from './backend.js';
export {diagnose, formatDiagnosis} from './doctor.js';
export type {BackendDiagnosis, Diagnosis} from './doctor.js';
