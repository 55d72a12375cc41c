/** A fault of a part of the system. */
export interface Fault {
  readonly kind: 'kill' | 'freeze' | 'cut off';
  /** The part fails now. */
  begin(): Promise<void>;
  /** The part works again when this resolves. */
  end(): Promise<void>;
}

/** A part of the system that can fail. */
export interface Part {
  readonly name: string;
  readonly faults: readonly Fault[];
}
