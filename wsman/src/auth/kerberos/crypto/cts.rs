//! AES in CBC mode with ciphertext stealing (CBC-CS3) and an initial vector of zeros, RFC 3962 5.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256, Block};
use zeroize::Zeroizing;

use crate::wiped::wiped_by_parts;

const BLOCK: usize = 16;

/// AES with a key of 16 or 32 bytes.
pub(super) enum Aes {
    Short(Box<Aes128>),
    Long(Box<Aes256>),
}

wiped_by_parts!(Aes: Aes128, Aes256);

impl Aes {
    /// Anything but 32 bytes is cut or filled to 16; callers have checked the length before.
    pub(super) fn new(key: &[u8]) -> Self {
        if let Ok(cipher) = Aes256::new_from_slice(key) {
            return Self::Long(Box::new(cipher));
        }
        let mut short = Zeroizing::new([0; 16]);
        short.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self::Short(Box::new(Aes128::new((&*short).into())))
    }

    pub(super) fn encrypt_block(&self, block: &mut [u8; BLOCK]) {
        let mut inner = Block::from(*block);
        match self {
            Self::Short(cipher) => cipher.encrypt_block(&mut inner),
            Self::Long(cipher) => cipher.encrypt_block(&mut inner),
        }
        *block = inner.into();
    }

    fn decrypt_block(&self, block: &mut [u8; BLOCK]) {
        let mut inner = Block::from(*block);
        match self {
            Self::Short(cipher) => cipher.decrypt_block(&mut inner),
            Self::Long(cipher) => cipher.decrypt_block(&mut inner),
        }
        *block = inner.into();
    }
}

/// Encrypts at least one block; the output is as long as the input.
pub(super) fn encrypt(cipher: &Aes, data: &[u8]) -> Vec<u8> {
    let mut blocks: Vec<[u8; BLOCK]> = data.chunks(BLOCK).map(padded).collect();
    let mut previous = [0; BLOCK];
    for block in &mut blocks {
        xor(block, &previous);
        cipher.encrypt_block(block);
        previous = *block;
    }
    let count = blocks.len();
    if count > 1 {
        blocks.swap(count - 2, count - 1);
    }
    let mut output = blocks.concat();
    output.truncate(data.len());
    output
}

/// The inverse of [`encrypt`].
pub(super) fn decrypt(cipher: &Aes, data: &[u8]) -> Vec<u8> {
    let mut blocks: Zeroizing<Vec<[u8; BLOCK]>> = Zeroizing::new(data.chunks(BLOCK).map(padded).collect());
    let count = blocks.len();
    if count > 1 {
        // The last block of the input is short: what is missing was stolen from the block before, and the decryption
        // of that one shows it.
        let mut shown = blocks[count - 2];
        cipher.decrypt_block(&mut shown);
        let rest = data.len() - (count - 1) * BLOCK;
        blocks[count - 1][rest..].copy_from_slice(&shown[rest..]);
        blocks.swap(count - 2, count - 1);
    }
    let mut previous = [0; BLOCK];
    for block in blocks.iter_mut() {
        let sealed = *block;
        cipher.decrypt_block(block);
        xor(block, &previous);
        previous = sealed;
    }
    let mut output = blocks.concat();
    output.truncate(data.len());
    output
}

fn padded(chunk: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
    block
}

fn xor(block: &mut [u8; BLOCK], other: &[u8; BLOCK]) {
    block.iter_mut().zip(other).for_each(|(a, b)| *a ^= b);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3962 B, the vectors for CBC with ciphertext stealing.
    #[test]
    fn published_vectors() {
        let cipher = Aes::new(b"chicken teriyaki");
        let text = b"I would like the General Gau's Chicken, please, and wonton soup.";
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        for (length, output) in [
            (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
            (31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
            (32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"),
            (
                47,
                "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5",
            ),
            (
                48,
                "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8",
            ),
            (
                64,
                "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a84807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
            ),
        ] {
            assert_eq!(encrypt(&cipher, &text[..length]), hex(output), "{length}");
            assert_eq!(decrypt(&cipher, &hex(output)), &text[..length], "{length}");
        }
    }
}
