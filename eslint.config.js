import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {ignores: ['dist/', 'dist.*/', 'coverage/', 'run/', 'placed/', 'node_modules/', '__tests__/fixtures/']},
  eslint.configs.recommended,
  {
    files: ['src/**/*.ts', 'src/**/*.cts', '__tests__/**/*.ts', 'examples/**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        {allowNumber: true, allowBoolean: true, allowNullish: true},
      ],
    },
  },
  {
    files: ['bench/**/*.js', 'examples/**/*.js', 'scripts/**/*.js'],
    plugins: {'@typescript-eslint': tseslint.plugin},
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname},
    },
    rules: {'@typescript-eslint/no-floating-promises': 'error'},
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        performance: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        fetch: 'readonly',
        globalThis: 'readonly',
        require: 'readonly',
        module: 'writable',
        __dirname: 'readonly',
        Blob: 'readonly',
        window: 'readonly',
        document: 'readonly',
        navigator: 'readonly',
        setImmediate: 'readonly',
      },
    },
  },
);
