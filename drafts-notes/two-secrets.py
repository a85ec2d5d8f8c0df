def sub(p,a,b,n=1):
    s=open(p).read()
    assert a in s,(p,a)
    s=s.replace(a,b,n); open(p,'w').write(s)
# greenapi
p='src/gateway/greenapi/config.rs'
sub(p,'''    pub webhook_token: SecretString,
''','''    pub webhook_token: SecretString,
    /// The one before it, while webhooks may still bring it.
    pub previous_webhook_token: Option<SecretString>,
''')
sub(p,'''    webhook_token: Option<RawSecret>,
''','''    webhook_token: Option<RawSecret>,
    previous_webhook_token: Option<RawSecret>,
''')
sub(p,'"webhook_token", "api_base_url"','"webhook_token", "previous_webhook_token", "api_base_url"')
sub(p,'''    let base = keys.api_base_url''','''    let previous = section.further_secret("previous_webhook_token", keys.previous_webhook_token.as_ref());
    let base = keys.api_base_url''')
sub(p,'''        webhook_token: webhook_token?,
''','''        webhook_token: webhook_token?,
        previous_webhook_token: previous?,
''')
p='src/gateway/greenapi/receive.rs'
sub(p,'''    /// Without `Bearer` or `Basic`.
    token: SecretString,
''','''    /// Without `Bearer` or `Basic`: the token, and perhaps the one before it.
    tokens: Vec<SecretString>,
''')
sub(p,'''            token: SecretString::from(bare(settings.webhook_token.expose_secret())),
''','''            tokens: [Some(&settings.webhook_token), settings.previous_webhook_token.as_ref()]
                .into_iter()
                .flatten()
                .map(|token| SecretString::from(bare(token.expose_secret())))
                .collect(),
''')
sub(p,'''        let token = self.token.expose_secret().as_bytes();
        let sent''','''        let sent''')
sub(p,'''        let same = sent.as_bytes().ct_eq(token) | decoded.as_slice().ct_eq(token) | after_name.ct_eq(token);
        bool::from(same) && !token.is_empty()
''','''        let is_it = |token: &SecretString| {
            let token = token.expose_secret().as_bytes();
            let same = sent.as_bytes().ct_eq(token) | decoded.as_slice().ct_eq(token) | after_name.ct_eq(token);
            bool::from(same) && !token.is_empty()
        };
        self.tokens.iter().fold(false, |found, token| found | is_it(token))
''')
# cloud
p='src/gateway/whatsapp_cloud/config.rs'
sub(p,'''    pub app_secret: SecretString,
''','''    pub app_secret: SecretString,
    /// The one before it, while Meta may still sign with it.
    pub previous_app_secret: Option<SecretString>,
''')
sub(p,'''    app_secret: Option<RawSecret>,
''','''    app_secret: Option<RawSecret>,
    previous_app_secret: Option<RawSecret>,
''')
sub(p,'''            "app_secret",
''','''            "app_secret",
            "previous_app_secret",
''')
sub(p,'''    let verify_token = section.secret(''','''    let previous = section.further_secret("previous_app_secret", keys.previous_app_secret.as_ref());
    let verify_token = section.secret(''')
sub(p,'''        app_secret: app_secret?,
''','''        app_secret: app_secret?,
        previous_app_secret: previous?,
''')
p='src/gateway/whatsapp_cloud/receive.rs'
sub(p,'''    signer: Signer,
''','''    signer: Signer,
    /// Of the secret before.
    previous: Option<Signer>,
''')
sub(p,'''            signer: Signer::new(&settings.app_secret),
''','''            signer: Signer::new(&settings.app_secret),
            previous: settings.previous_app_secret.as_ref().map(Signer::new),
''')
sub(p,'''        if !self.signer.verifies(header, request.body) {
''','''        let mut signers = std::iter::once(&self.signer).chain(&self.previous);
        if !signers.any(|signer| signer.verifies(header, request.body)) {
''')
# telegram
p='src/gateway/telegram/config.rs'
sub(p,'''    pub webhook_secret: Option<SecretString>,
''','''    pub webhook_secret: Option<SecretString>,
    /// What came back with them before, while Telegram may still send it.
    pub previous_webhook_secret: Option<SecretString>,
''')
sub(p,'''    webhook_secret: Option<RawSecret>,
''','''    webhook_secret: Option<RawSecret>,
    previous_webhook_secret: Option<RawSecret>,
''')
sub(p,'&["bot_token", "webhook_secret", "updates"','&["bot_token", "webhook_secret", "previous_webhook_secret", "updates"')
sub(p,'''        let groups = groups(section, &keys.groups);
''','''        let previous =
            section.further_secret("previous_webhook_secret", keys.previous_webhook_secret.as_ref());
        let groups = groups(section, &keys.groups);
''')
sub(p,'''                webhook_secret: secret?,
''','''                webhook_secret: secret?,
                previous_webhook_secret: previous?,
''')
# section helper
p='src/config/section.rs'
sub(p,'''    /// An `http(s)` URL that paths can be appended to.''','''    /// A secret that may be left out; `None`: something was reported.
    #[must_use]
    #[expect(clippy::option_option, reason = "as for every key that may be left out")]
    pub fn further_secret(&self, key: &str, raw: Option<&RawSecret>) -> Option<Option<SecretString>> {
        raw.map_or(Some(None), |raw| self.secret(key, Some(raw)).map(Some))
    }

    /// An `http(s)` URL that paths can be appended to.''')
p='src/gateway/twilio/config.rs'
s=open(p).read()
i=s.index("    let further = |key"); j=s.index("    let api_base_url = keys.api_base_url", i)
s=s[:i]+'''    let previous = section.further_secret("previous_auth_token", keys.previous_auth_token.as_ref());
    let shared = section.further_secret("shared_key", keys.shared_key.as_ref());
'''+s[j:]
s=s.replace("previous_auth_token: holds(previous)?","previous_auth_token: previous?").replace("shared_key: holds(shared)?","shared_key: shared?")
open(p,'w').write(s)
p='src/gateway/telegram/mod.rs'
sub(p,'TelegramReceiver { secret, reader: Reader::new(channel, bot) }','TelegramReceiver { secret, previous: bot.previous_webhook_secret.clone(), reader: Reader::new(channel, bot) }')
sub(p,'''    secret: SecretString,
    reader: Reader,
''','''    secret: SecretString,
    /// The one before.
    previous: Option<SecretString>,
    reader: Reader,
''')
sub(p,'''        let genuine = self.secret.expose_secret().as_bytes().ct_eq(claimed.as_bytes());
        if bool::from(genuine) { Ok(()) } else { Err(Rejection::BadSignature) }
''','''        let is_it = |secret: &SecretString| secret.expose_secret().as_bytes().ct_eq(claimed.as_bytes()).into();
        let mut secrets = std::iter::once(&self.secret).chain(&self.previous);
        if secrets.any(is_it) { Ok(()) } else { Err(Rejection::BadSignature) }
''')
import re
for p,after,new in [('src/gateway/telegram/tests.rs','webhook_secret:','previous_webhook_secret'),('src/gateway/whatsapp_cloud/tests.rs','app_secret:','previous_app_secret'),('src/gateway/greenapi/tests.rs','webhook_token:','previous_webhook_token'),('tests/it/whatsapp_cloud.rs','app_secret:','previous_app_secret'),('tests/it/greenapi.rs','webhook_token:','previous_webhook_token')]:
    s=open(p).read()
    i=s.index({'telegram':'TelegramBot {','whatsapp_cloud':'CloudSettings {','greenapi':'GreenSettings {'}[[k for k in ('telegram','whatsapp_cloud','greenapi') if k in p][0]])
    j=s.index(after,i); e=s.index('\n',j)+1
    ind=re.match(r' *',s[s.rindex('\n',0,j)+1:]).group()
    s=s[:e]+ind+new+': None,\n'+s[e:]
    open(p,'w').write(s)
p='docs/configuration.md'
sub(p,'''| `channels.groups` |''','''| `channels.previous_webhook_secret` | – | A secret: the one before it, which is believed as well while it is replaced. |
| `channels.groups` |''')
