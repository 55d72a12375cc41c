import { nameOfRef, type CapabilityRef } from '../../contracts/capabilities/capability.ts';
import { suggestName } from '../../core/text/closest-name.ts';
import { fieldProblem, type FieldProblem } from '../../core/text/field-problem.ts';
import type { TemplateProblem } from './template-error.ts';
import { problemIn, type Template } from './template-file.ts';

/** A kind of named capability: what agents list by name, and modules export. */
export interface CapabilityKind {
  /** The field of an agent that lists them. */
  readonly field: 'context' | 'middleware' | 'approvals';
  /** In messages. */
  readonly singular: string;
  readonly plural: string;
}

/** A field that names one capability of a kind. */
export interface NamedIn<Definition> extends Pick<CapabilityKind, 'singular' | 'plural'> {
  readonly path: readonly string[];
  /** Whether the field may name it. */
  readonly includes: (definition: Definition) => boolean;
}

/** The capabilities of one kind that the templates of a folder may name. Names are unique, because runs resolve capabilities by name. */
export class NamedCapabilities<Definition extends { readonly name: string }> {
  readonly #kind: CapabilityKind;
  readonly #found = new Map<string, Definition>();
  readonly #builtin: ReadonlyMap<string, Definition>;

  /** A capability that is added replaces the built-in one of its name. */
  constructor(kind: CapabilityKind, builtin: readonly Definition[]) {
    this.#kind = kind;
    this.#builtin = new Map(builtin.map((definition) => [definition.name, definition]));
  }

  get(name: string): Definition | undefined {
    return this.#found.get(name) ?? this.#builtin.get(name);
  }

  names(): string[] {
    return [...new Set([...this.#found.keys(), ...this.#builtin.keys()])];
  }

  /** Adds what a file exports or an agent has been given. Returns a problem if another one has the name. */
  add(definition: Definition): FieldProblem[] {
    const { field, singular } = this.#kind;
    const other = this.#found.get(definition.name);
    if (other === undefined) this.#found.set(definition.name, definition);
    if (other === undefined || other === definition) return [];
    return [fieldProblem([field], `another ${singular} is already called "${definition.name}"; rename one of them`)];
  }

  /** Resolves the references of an agent, in order, and checks each with `check`. `from`: where another field names one. */
  resolve(
    template: Template,
    refs: readonly CapabilityRef[] = [],
    check: (definition: Definition, ref: CapabilityRef, path: readonly (string | number)[]) => readonly FieldProblem[],
    from?: NamedIn<Definition>,
  ): { readonly resolved: readonly Definition[]; readonly problems: readonly TemplateProblem[] } {
    const { field } = this.#kind;
    const { singular, plural } = from ?? this.#kind;
    const resolved: Definition[] = [];
    const problems: FieldProblem[] = [];
    for (const [at, ref] of refs.entries()) {
      const name = nameOfRef(ref);
      const path = from ? from.path : typeof ref === 'string' ? [field, at] : [field, at, name];
      const definition = this.get(name);
      if (definition === undefined) {
        const known = [...new Map([...this.#found, ...this.#builtin])]
          .filter(([, one]) => from?.includes(one) ?? true)
          .map(([other]) => other);
        problems.push(fieldProblem(path, `unknown ${singular} "${name}"; ${suggestName(name, known, plural)}`));
        continue;
      }
      resolved.push(definition);
      problems.push(...check(definition, ref, path));
    }
    return { resolved, problems: problems.map((problem) => problemIn(template, problem)) };
  }
}
