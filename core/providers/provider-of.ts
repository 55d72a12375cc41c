/** The provider of a model `provider/model`; empty for a name without one. */
export function providerOf(model: string): string {
  return model.slice(0, Math.max(0, model.indexOf('/')));
}
