export function registerTrainingKernels(): void {
  // filled in with the kernels
}
