import ts from 'typescript';
import {entries, entryProgram, exportsOf} from '../support/program.js';

/** The names that an entry gives, and the members of what they stand for, that have no docstring. */
function undocumented(program: ts.Program, entry: string): string[] {
  const checker = program.getTypeChecker();
  const hasText = (symbol: ts.Symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== '';
  return exportsOf(program, entry).flatMap(([name, target]) => {
    const members = (target.declarations ?? []).flatMap(declaration => membersOf(checker, declaration));
    return [
      ...(hasText(target) ? [] : [name]),
      ...members.filter(member => !hasText(member)).map(member => `${name}.${member.name}`),
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
    program = entryProgram();
  });

  test.each(entries)('that %s exports', entry => {
    expect(undocumented(program, entry)).toEqual([]);
  });
});
