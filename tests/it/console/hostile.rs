//! Texts that would run in a page that did not write them as text.

/// Two hundred of them, for bodies, names and names of files.
pub(crate) fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for payload in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "' autofocus onfocus=alert(1) x='",
        "</textarea><script>alert(1)</script>",
        "</title><script>alert(1)</script>",
        "{{ 7 * 7 }}{% for x in y %}",
        "javascript:alert(1)",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        "<style>*{display:none}</style>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "\u{202e}<b>gnirts</b>",
        "<!--",
        "]]>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    ] {
        texts.push(payload.to_owned());
        texts.push(format!("{payload}{payload}"));
        texts.push(payload.to_uppercase());
        for wrapping in ["a {} b", "\n{}\n", "`{}`", "\\{}", "/{}", "%22{}", "🌸{}", "<{}", "{}=", "\"{}\""] {
            texts.push(wrapping.replace("{}", payload));
        }
    }
    assert!(texts.len() >= 200, "{}", texts.len());
    texts
}
