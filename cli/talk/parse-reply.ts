/** What a line typed under an approval means. `unclear`: none of the answers. */
export type ApprovalReply =
  | { readonly kind: 'approve'; readonly remember?: 'session' | 'user' }
  | { readonly kind: 'reject'; readonly reason: string | null }
  | { readonly kind: 'edit'; readonly text: string | null }
  | { readonly kind: 'unclear' };

/** Reads a line typed under an approval: a letter or a word, for some followed by a text. */
export function parseApprovalReply(line: string): ApprovalReply {
  const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line.trim()) ?? [];
  const text = rest === '' ? null : rest;
  switch (word.toLowerCase()) {
    case 'r':
    case 'n':
    case 'no':
    case 'reject':
      return { kind: 'reject', reason: text };
    case 'e':
    case 'edit':
      return { kind: 'edit', text };
    case 'a':
    case 'y':
    case 'yes':
    case 'approve':
      return text === null ? { kind: 'approve' } : { kind: 'unclear' };
    case 's':
      return text === null ? { kind: 'approve', remember: 'session' } : { kind: 'unclear' };
    case 'u':
      return text === null ? { kind: 'approve', remember: 'user' } : { kind: 'unclear' };
    default:
      return { kind: 'unclear' };
  }
}
