export * from '../../../testing/function-models.ts';
