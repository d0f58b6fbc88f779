export {registerTrainingKernels} from './register.js';
