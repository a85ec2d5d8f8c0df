//! Encryption of a backup with a passphrase: AES-256-GCM over chunks, the key by Argon2id.
//!
//! The file begins with a mark, a salt and the first bytes of every nonce. Each chunk is sealed by itself under a nonce that
//! counts them and says which is the last (the STREAM construction), so that nothing can be cut off, swapped or changed unseen.

use std::io::{self, Read, Write};

use aes_gcm::aead::AeadInPlace as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};

use crate::service::people::random;

/// What an encrypted backup begins with.
pub(super) const MARK: &[u8; 16] = b"palabre-sealed-1";

const SALT_BYTES: usize = 16;
const PREFIX_BYTES: usize = 7;
const TAG_BYTES: usize = 16;
const CHUNK_BYTES: usize = 64 * 1024;

/// A key is made once for a backup, so guessing may cost more than a sign-in: 64 MiB, three passes.
const MEMORY_KIB: u32 = 65_536;
const PASSES: u32 = 3;

/// Seals chunks, or opens them, one after the other.
struct Chunks {
    cipher: Aes256Gcm,
    prefix: [u8; PREFIX_BYTES],
    next: u32,
}

impl Chunks {
    fn new(passphrase: &SecretString, salt: &[u8], prefix: [u8; PREFIX_BYTES]) -> io::Result<Self> {
        let unusable = |_| io::Error::other("no key can be made of the passphrase");
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(unusable)?;
        let mut key = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose_secret().as_bytes(), salt, &mut key)
            .map_err(unusable)?;
        Ok(Self { cipher: Aes256Gcm::new(&key.into()), prefix, next: 0 })
    }

    fn nonce(&mut self, is_last: bool) -> io::Result<[u8; 12]> {
        let mut nonce = [0; 12];
        nonce[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        nonce[PREFIX_BYTES..11].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = u8::from(is_last);
        // 2^32 chunks are 256 TiB.
        self.next = self.next.checked_add(1).ok_or_else(|| io::Error::other("a backup cannot be so large"))?;
        Ok(nonce)
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> io::Result<()> {
        let nonce = self.nonce(is_last)?;
        let sealed = self.cipher.encrypt_in_place(&nonce.into(), MARK, chunk);
        sealed.map_err(|_| io::Error::other("a chunk could not be sealed"))
    }

    fn open(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> io::Result<()> {
        let nonce = self.nonce(is_last)?;
        let opened = self.cipher.decrypt_in_place(&nonce.into(), MARK, chunk);
        opened.map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "the passphrase is another one, or the file was changed")
        })
    }
}

/// Writes what it is given, encrypted. [`SealedWriter::finish`] ends it.
pub(super) struct SealedWriter<W: Write> {
    inner: W,
    chunks: Chunks,
    buffer: Vec<u8>,
}

impl<W: Write> SealedWriter<W> {
    pub(super) fn new(mut inner: W, passphrase: &SecretString) -> io::Result<Self> {
        let (mut salt, mut prefix) = ([0; SALT_BYTES], [0; PREFIX_BYTES]);
        for bytes in [&mut salt[..], &mut prefix[..]] {
            random(bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        }
        inner.write_all(MARK)?;
        inner.write_all(&salt)?;
        inner.write_all(&prefix)?;
        let chunks = Chunks::new(passphrase, &salt, prefix)?;
        Ok(Self { inner, chunks, buffer: Vec::with_capacity(CHUNK_BYTES + TAG_BYTES) })
    }

    fn put(&mut self, is_last: bool) -> io::Result<()> {
        self.chunks.seal(&mut self.buffer, is_last)?;
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk is written when there is more: the last one may not be known as such before.
        if self.buffer.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads what a [`SealedWriter`] wrote, behind its mark.
pub(super) struct SealedReader<R: Read> {
    inner: R,
    chunks: Chunks,
    chunk: Vec<u8>,
    at: usize,
    /// The first byte of the next chunk.
    ahead: Option<u8>,
    is_over: bool,
}

impl<R: Read> SealedReader<R> {
    pub(super) fn new(mut inner: R, passphrase: &SecretString) -> io::Result<Self> {
        let (mut salt, mut prefix, mut first) = ([0; SALT_BYTES], [0; PREFIX_BYTES], [0]);
        inner.read_exact(&mut salt)?;
        inner.read_exact(&mut prefix)?;
        inner.read_exact(&mut first)?;
        let chunks = Chunks::new(passphrase, &salt, prefix)?;
        Ok(Self { inner, chunks, chunk: Vec::new(), at: 0, ahead: Some(first[0]), is_over: false })
    }

    fn fill(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.at = 0;
        self.chunk.extend(self.ahead.take());
        let most = (CHUNK_BYTES + TAG_BYTES + 1 - self.chunk.len()) as u64;
        (&mut self.inner).take(most).read_to_end(&mut self.chunk)?;
        if self.chunk.len() > CHUNK_BYTES + TAG_BYTES {
            self.ahead = self.chunk.pop();
        }
        self.is_over = self.ahead.is_none();
        self.chunks.open(&mut self.chunk, self.is_over)
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() && !self.is_over {
            self.fill()?;
        }
        let ready = &self.chunk[self.at..];
        let taken = ready.len().min(into.len());
        into[..taken].copy_from_slice(&ready[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(text: &[u8], passphrase: &str) -> Vec<u8> {
        let mut writer = SealedWriter::new(Vec::new(), &SecretString::from(passphrase)).expect("a key");
        writer.write_all(text).expect("it is written");
        writer.finish().expect("it ends")
    }

    fn opened(bytes: &[u8], passphrase: &str) -> io::Result<Vec<u8>> {
        let mut reader =
            SealedReader::new(bytes.get(MARK.len()..).unwrap_or_default(), &SecretString::from(passphrase))?;
        let mut text = Vec::new();
        reader.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_is_sealed_comes_back_whatever_its_length() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let text: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).expect("small")).collect();
            let sealed = sealed(&text, "trois mots de passe");
            assert!(sealed.starts_with(MARK));
            assert!(length < 100 || !sealed.windows(100).any(|part| part == &text[..100]), "{length}");
            assert!(opened(&sealed, "trois mots de passe").expect("it opens") == text, "{length}");
            assert!(opened(&sealed, "trois mots").is_err(), "{length}");
        }
    }

    #[test]
    fn nothing_is_changed_cut_off_or_swapped_unseen() {
        let text = vec![7; 2 * CHUNK_BYTES + 10];
        let whole = sealed(&text, "x");
        let head = MARK.len() + SALT_BYTES + PREFIX_BYTES;
        let chunk = CHUNK_BYTES + TAG_BYTES;
        for at in [MARK.len(), MARK.len() + SALT_BYTES, head, head + chunk + 5, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(opened(&changed, "x").is_err(), "{at}");
        }
        for length in [head, head + 1, head + chunk, head + 2 * chunk, whole.len() - 1] {
            assert!(opened(&whole[..length], "x").is_err(), "{length}");
        }
        let mut swapped = whole.clone();
        swapped[head..head + chunk].copy_from_slice(&whole[head + chunk..head + 2 * chunk]);
        swapped[head + chunk..head + 2 * chunk].copy_from_slice(&whole[head..head + chunk]);
        assert!(opened(&swapped, "x").is_err());
        let mut longer = whole;
        longer.extend([0; 40]);
        assert!(opened(&longer, "x").is_err());
    }
}
