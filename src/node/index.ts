export {useBackend} from './backends/choice.js';
export type {BackendName, ChosenBackend} from './backends/choice.js';
export type {BackendOptions} from './backends/options.js';
export {diagnose, formatDiagnosis} from './backends/doctor.js';
export type {BackendDiagnosis, Diagnosis} from './backends/doctor.js';
export {listImages, readImage, writeImage} from './photos/files.js';
export {loadDefaultModel} from './models/default-model.js';
export type {DefaultModelOptions} from './models/default-model.js';
export {loadModel, saveModel} from './models/files.js';
export type {SaveModelOptions} from './models/files.js';
export type {ModelFormat} from './models/formats.js';
export type {StoredType} from './models/stored-weights.js';
export {photoDataset} from './photos/dataset.js';
export type {PhotoBatch, PhotoDatasetOptions} from './photos/dataset.js';
export {realEsrganDegradation} from './photos/degradation/degradation.js';
export type {Degradation} from './photos/degradation/degradation.js';
export {REAL_ESRGAN_DEGRADATION} from './photos/degradation/options.js';
export type {
  DegradationRound,
  DegradationValues,
  Range,
  RealEsrganDegradationOptions,
} from './photos/degradation/options.js';
export type {PhotoPair} from './photos/pairs.js';
export {loadCheckpoint, readCheckpointState, saveCheckpoint} from './runs/checkpoint.js';
export type {Checkpointed} from '../training/checkpoint.js';
export {checkpoints} from './runs/checkpoints.js';
export type {
  BestCheckpointOptions,
  CheckpointPlace,
  CheckpointsCallback,
  CheckpointsOptions,
} from './runs/checkpoints.js';
export {DivergenceError} from './runs/divergence-error.js';
export {jsonLog} from './runs/json-log.js';
export type {JsonLogCallback, JsonLogOptions} from './runs/json-log.js';
export type {RunPlace} from './runs/run-place.js';
export {progressBar} from './runs/progress-bar.js';
export type {ProgressBarCallback, ProgressBarOptions} from './runs/progress-bar.js';
export {sampleSheets} from './runs/sample-sheets.js';
export type {SampleSheetsCallback, SampleSheetsOptions} from './runs/sample-sheets.js';
export {trainEsrgan} from './runs/train-esrgan.js';
export type {TrainEvents, TrainResult} from './runs/events.js';
export type {TrainSummary} from './runs/summary.js';
export {RECIPES} from './runs/recipes.js';
export type {RecipeName} from './runs/recipes.js';
export {DEFAULT_SETTINGS} from './runs/settings.js';
export type {TrainSettings} from './runs/settings.js';
export {removeTensorFlow} from './setup/remove.js';
export type {RemoveOptions} from './setup/remove.js';
export {setUpTensorFlow} from './setup/setup.js';
export type {SetUpResult} from './setup/setup.js';
export type {SetUpOptions} from './setup/options.js';
export type {PlacedPackage} from './setup/placed-package.js';
export {captureStep} from './capture/capture-step.js';
export type {CapturedStep, CaptureOptions, CaptureStatus} from '../training/step-capture.js';
export {tensorBoard} from './tensorboard/callback.js';
export type {RunWithSamples, TensorBoardCallback, TensorBoardOptions} from './tensorboard/callback.js';
