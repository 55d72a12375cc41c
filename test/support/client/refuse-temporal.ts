import { registerHooks } from 'node:module';

/** For `node --import`: a program in which Temporal's packages are not installed. */
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier.startsWith('@temporalio/')) throw new Error(`${specifier} is not installed.`);
    return nextResolve(specifier, context);
  },
});
