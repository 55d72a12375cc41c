import { z } from 'zod';

/** A bucket of Amazon S3, or of a store with its interface. Credentials: the variables `AWS_…`, or what else the AWS SDK finds. */
const bucketSchema = z.strictObject({
  bucket: z.string().min(1).max(255),
  /** Begins the names of the objects. Default: none. */
  prefix: z
    .string()
    .max(500)
    .regex(/^[\w!.*'()/-]*$/, "must consist of letters, digits, slashes and -_.!*'()")
    .optional(),
  /** Default: what the AWS SDK finds; with `endpoint`, `us-east-1`. */
  region: z.string().min(1).max(100).optional(),
  /** URL of a store with the interface of S3, such as MinIO. Default: that of Amazon. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** Whether the bucket is a part of the path, and not of the host name. Default: true with `endpoint`, otherwise false. */
  pathStyle: z.boolean().optional(),
});
export type BucketSettings = z.infer<typeof bucketSchema>;

/** Where the contents of attachments are kept. */
export const attachmentSettingsSchema = z
  .strictObject({
    /** Where new ones are kept. Default `database`. Those in another place stay there until they are moved. */
    store: z.enum(['database', 'folder', 's3']).optional(),
    /** Path of the folder, for `folder`. Every worker and gateway must see it under this path. */
    folder: z.string().min(1).max(4_000).optional(),
    /** The bucket, for `s3`. */
    s3: bucketSchema.optional(),
  })
  .check(({ value, issues }) => {
    const { store } = value;
    if (store === undefined || store === 'database' || value[store] !== undefined) return;
    issues.push({
      code: 'custom',
      path: [store],
      message:
        store === 'folder'
          ? 'must be the path of a folder, because store is "folder"'
          : 'must have a bucket, because store is "s3"',
      input: value,
    });
  });
export type AttachmentSettings = z.infer<typeof attachmentSettingsSchema>;
