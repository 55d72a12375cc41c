import type { z } from 'zod';
import type { FieldPath } from './field-problem.ts';

/** The parts of a schema's definition that are read. By structure, not with `instanceof`: the schema may be of another copy of zod. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly out?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
}

/** The names of the fields that a schema has at a path; none where that is not an object. */
export function fieldNames(schema: z.core.$ZodType, path: FieldPath): readonly string[] {
  let schemas = variantsOf(schema);
  for (const part of path) {
    schemas = schemas.flatMap(({ shape = {}, element, valueType }) => {
      const next = Object.hasOwn(shape, part) ? shape[part] : (element ?? valueType);
      return next === undefined ? [] : variantsOf(next);
    });
  }
  return [...new Set(schemas.flatMap(({ shape = {} }) => Object.keys(shape)))];
}

/** A schema's definition without its wrappers (optional, nullable, default …), or those of a union's options. */
function variantsOf(schema: z.core.$ZodType): readonly Definition[] {
  const definition = schema._zod.def as unknown as Definition;
  const isPreprocessed = definition.in?._zod.def.type === 'transform';
  const wrapped = definition.innerType ?? (isPreprocessed ? definition.out : definition.in);
  if (wrapped !== undefined) return variantsOf(wrapped);
  return definition.options?.flatMap(variantsOf) ?? [definition];
}
