-- What a message has beside its text: JSON, with the subject and the HTML of an e-mail.
ALTER TABLE messages_out ADD COLUMN presentation text;
