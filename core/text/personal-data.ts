/** The kinds of personal data that can be recognised by their form. */
export const PERSONAL_DATA_KINDS = ['iban', 'card', 'email', 'us-ssn', 'ip', 'phone'] as const;
export type PersonalDataKind = (typeof PERSONAL_DATA_KINDS)[number];

interface Recogniser {
  readonly pattern: RegExp;
  /** Redacts what the pattern has found. Default: as a whole. */
  readonly redact?: (found: string, by: string) => string;
}

/** In the order in which they are applied. Every quantifier is bounded or cannot overlap what follows, so that no text takes long. */
const RECOGNISERS: Readonly<Record<PersonalDataKind, readonly Recogniser[]>> = {
  // ISO 13616: two letters, two check digits, and up to 30 letters and digits, in groups or not.
  iban: [{ pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,}/g, redact: inGroups({ least: 15, most: 34 }, isIban) }],
  // ISO/IEC 7812: 13 to 19 digits.
  card: [{ pattern: /(?<![\d.])\d(?:[ -]?\d){12,}/g, redact: inGroups({ least: 13, most: 19 }, isCardNumber) }],
  email: [{ pattern: /[\p{L}\d._%+-]{1,64}@(?:[\p{L}\d-]{1,63}\.){1,8}\p{L}{2,63}/gu }],
  'us-ssn': [{ pattern: /\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b/g }],
  ip: [
    { pattern: /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)/g, redact: (found, by) => (isIpv4(found) ? by : found) },
  ],
  phone: [
    // With a country code.
    { pattern: /(?<![\w.+])\+\d(?:[ ()./-]{0,2}\d){7,14}(?!\d)/g },
    // With an area code that begins with 0, as in most of Europe.
    { pattern: /(?<![\w.,])\(?0\d{1,4}\)?[ ./-]{1,2}\d(?:[ ./-]?\d){4,9}(?!\d)/g },
    // In North America.
    { pattern: /(?<![\w.,])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\d)/g },
  ],
};

/** Replaces personal data of the given kinds by the kind in brackets, such as `[email]`. What has another form is not found. */
export function redactText(text: string, kinds: readonly PersonalDataKind[]): string {
  let redacted = text;
  for (const kind of PERSONAL_DATA_KINDS) {
    if (!kinds.includes(kind)) continue;
    const by = `[${kind}]`;
    for (const { pattern, redact = () => by } of RECOGNISERS[kind]) {
      redacted = redacted.replaceAll(pattern, (found) => redact(found, by));
    }
  }
  return redacted;
}

/** Redacts the groups, separated by a space or a hyphen, that are a code together: other groups may stand before and after it. */
function inGroups(
  { least, most }: { readonly least: number; readonly most: number },
  accepts: (code: string) => boolean,
): (found: string, by: string) => string {
  return (found, by) => {
    // Groups at even places, separators at odd ones.
    const parts = found.split(/([ -])/);
    let redacted = '';
    for (let at = 0; at < parts.length;) {
      let end = at;
      let code = '';
      for (let to = at; to < parts.length && code.length < most; to += 2) {
        code += parts[to] ?? '';
        if (code.length >= least && code.length <= most && accepts(code)) end = to + 1;
      }
      redacted += end > at ? by : (parts[at] ?? '');
      at = Math.max(end, at + 1);
      redacted += parts[at] ?? '';
      at += 1;
    }
    return redacted;
  };
}

/** ISO 7064 MOD 97-10 of the digits, with the first four characters moved to the end and letters as numbers from 10. */
function isIban(code: string): boolean {
  if (!/^[A-Z]{2}\d{2}/.test(code)) return false;
  let remainder = 0;
  for (const character of code.slice(4) + code.slice(0, 4)) {
    for (const digit of Number.parseInt(character, 36).toString()) remainder = (remainder * 10 + Number(digit)) % 97;
  }
  return remainder === 1;
}

/** The Luhn check digit. */
function isCardNumber(digits: string): boolean {
  let sum = 0;
  for (const [at, character] of digits.split('').toReversed().entries()) {
    const digit = Number(character) * (at % 2 === 0 ? 1 : 2);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0 && Number(digits) > 0;
}

function isIpv4(found: string): boolean {
  return found.split('.').every((part) => Number(part) <= 255);
}
