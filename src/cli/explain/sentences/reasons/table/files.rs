//! Reasons about files of a message.

use super::{Reason, reason};

pub(super) const GONE: Reason = reason(
    "file_gone",
    ("a file of it is not there any more", "un de ses fichiers n'est plus là"),
    Some((
        "upload the file again, and send another message",
        "déposer à nouveau le fichier, et envoyer un autre message",
    )),
);

pub(super) const UNSUPPORTED: Reason = reason(
    "file_unsupported",
    ("the channel's provider cannot be given such a file", "le fournisseur du canal ne prend pas un tel fichier"),
    Some(("send it through another channel, or as a link", "l'envoyer par un autre canal, ou sous forme de lien")),
);

pub(super) const UNREACHABLE: Reason = reason(
    "file_unreachable",
    (
        "the provider reads files at our public address, and none is set",
        "le fournisseur lit les fichiers à notre adresse publique, et aucune n'est configurée",
    ),
    Some(("set http.public_base_url, restart, {again}", "renseigner http.public_base_url, redémarrer, {again}")),
);

pub(super) const NOT_READ: Reason = reason(
    "file_not_read",
    ("a file of it could not be read: tried again", "un de ses fichiers n'a pas pu être lu : nouvel essai"),
    None,
);
