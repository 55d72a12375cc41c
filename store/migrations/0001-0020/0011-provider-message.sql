-- How the provider described the error of a failed model call. It may quote the conversation.
ALTER TABLE perdure.model_calls ADD COLUMN provider_message text;
