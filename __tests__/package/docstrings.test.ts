import {join} from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');
const entries = ['src/index.ts', 'src/wasm/index.ts', 'src/node/index.ts'];

/** The names that an entry gives, and the members of what they stand for, that have no docstring. */
function undocumented(program: ts.Program, entry: string): string[] {
  const checker = program.getTypeChecker();
  const hasText = (symbol: ts.Symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== '';
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(join(root, entry))!)!;
  return checker.getExportsOfModule(symbol).flatMap(exported => {
    const target = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const members = (target.declarations ?? []).flatMap(declaration => membersOf(checker, declaration));
    return [
      ...(hasText(target) ? [] : [exported.name]),
      ...members.filter(member => !hasText(member)).map(member => `${exported.name}.${member.name}`),
    ];
  });
}

/** The public members that a class, an interface or an object type declares itself. */
function membersOf(checker: ts.TypeChecker, declaration: ts.Declaration): ts.Symbol[] {
  const body = ts.isTypeAliasDeclaration(declaration) ? declaration.type : declaration;
  if (!ts.isClassDeclaration(body) && !ts.isInterfaceDeclaration(body) && !ts.isTypeLiteralNode(body)) return [];
  return [...body.members]
    .filter(member => {
      const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
      return !(ts.getCombinedModifierFlags(member) & hidden);
    })
    .flatMap(member => (member.name && checker.getSymbolAtLocation(member.name)) ?? []);
}

describe('everything is documented', () => {
  let program: ts.Program;
  beforeAll(() => {
    const {config} = ts.readConfigFile(join(root, 'tsconfig.json'), path => ts.sys.readFile(path)) as {config: unknown};
    const {options} = ts.parseJsonConfigFileContent(config, ts.sys, root);
    program = ts.createProgram(
      entries.map(entry => join(root, entry)),
      options,
    );
  });

  test.each(entries)('that %s exports', entry => {
    expect(undocumented(program, entry)).toEqual([]);
  });
});
