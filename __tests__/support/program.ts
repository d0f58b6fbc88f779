import {join} from 'node:path';
import ts from 'typescript';

export const root = join(__dirname, '../..');

/** The sources of the package's entry points. */
export const entries = ['src/index.ts', 'src/wasm/index.ts', 'src/node/index.ts'];

/** The compiler options of the project. */
export function compilerOptions(): ts.CompilerOptions {
  const {config} = ts.readConfigFile(join(root, 'tsconfig.json'), path => ts.sys.readFile(path)) as {config: unknown};
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

/** The entry points as the compiler sees them. */
export function entryProgram(): ts.Program {
  return ts.createProgram(
    entries.map(entry => join(root, entry)),
    compilerOptions(),
  );
}

/** What an entry exports, by name, behind any alias. */
export function exportsOf(program: ts.Program, entry: string): [string, ts.Symbol][] {
  const checker = program.getTypeChecker();
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(join(root, entry))!)!;
  return checker
    .getExportsOfModule(symbol)
    .map(one => [one.name, one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one]);
}
