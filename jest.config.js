// With TEST_BUILT set, the tests import the built package through its own name instead of the sources.
const sources = {
  '^tfjs-ragan$': '<rootDir>/src/index.ts',
  '^tfjs-ragan/(wasm|node)$': '<rootDir>/src/$1/index.ts',
};

const onTensorFlow = /tensorflow|cuda/.test(process.env.TFJS_RAGAN_TEST_BACKENDS);

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  testMatch: ['**/*.test.ts'],
  moduleNameMapper: {
    ...(process.env.TEST_BUILT ? {} : sources),
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^webgpu$': '<rootDir>/__tests__/support/webgpu.cjs',
    '^(\\.{1,2}/.*package-folder)\\.cjs$': ['$1.cts', '$1.cjs'],
  },
  transform: {
    '^.+\\.c?ts$': [
      'ts-jest',
      {
        // Types are checked once, by `npm run types`.
        diagnostics: false,
        tsconfig: {
          module: 'CommonJS',
          moduleResolution: 'Bundler',
          target: 'ES2022',
          esModuleInterop: true,
          isolatedModules: true,
        },
      },
    ],
  },
  ...(onTensorFlow && {globalSetup: '<rootDir>/__tests__/support/tensorflow-environment.js'}),
  testTimeout: 60_000,
  maxWorkers: 2,
};
