export {useBackend} from './backend.js';
export type {BackendName, BackendOptions, ChosenBackend} from './backend.js';
export {diagnose, formatDiagnosis} from './doctor.js';
export type {BackendDiagnosis, Diagnosis} from './doctor.js';
export {listImages, readImage, writeImage} from './image-files.js';
export {loadModel, saveModel} from './model-files.js';
export {photoDataset} from './photo-dataset.js';
export type {PhotoBatch, PhotoDatasetOptions} from './photo-dataset.js';
