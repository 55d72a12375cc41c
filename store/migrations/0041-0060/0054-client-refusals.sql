-- Whoever answers a client's call may refuse to: 'decline', or 'cancel' for a question that was closed without an answer.
ALTER TABLE perdure.inbox DROP CONSTRAINT inbox_decision_check;
ALTER TABLE perdure.inbox ADD CONSTRAINT inbox_decision_check
  CHECK (decision IN ('approve', 'reject', 'decline', 'cancel')) NOT VALID;

-- [transaction]
ALTER TABLE perdure.inbox VALIDATE CONSTRAINT inbox_decision_check;
