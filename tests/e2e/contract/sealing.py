"""Seals a text as it may stand in a release: AES-256-GCM with a key that HKDF-SHA256 derives (common/secret/secret.h)."""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json

from harness import base64url

NONCE_SIZE, TAG_SIZE, GET_TAG = 12, 16, 0x10


def derived(key, tenant):
    """RFC 5869 without salt: the sealing key and the one of nonces."""
    info, out, block = b"tidegate tenant\n" + tenant, b"", b""
    extracted = hmac.digest(bytes(32), key, hashlib.sha256)
    for i in (1, 2):
        block = hmac.digest(extracted, block + info + bytes([i]), hashlib.sha256)
        out += block
    return out[:32], out[32:]


def encrypted(key, nonce, authenticated, plaintext):
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
        getattr(crypto, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    cipher, size = ctypes.c_void_p(crypto.EVP_aes_256_gcm()), ctypes.c_int()
    out, tag = ctypes.create_string_buffer(len(plaintext) + TAG_SIZE), ctypes.create_string_buffer(TAG_SIZE)
    done = [crypto.EVP_EncryptInit_ex(context, cipher, None, key, nonce),
            crypto.EVP_EncryptUpdate(context, None, ctypes.byref(size), authenticated, len(authenticated)),
            crypto.EVP_EncryptUpdate(context, out, ctypes.byref(size), plaintext, len(plaintext)),
            crypto.EVP_EncryptFinal_ex(context, None, ctypes.byref(size)),
            crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_SIZE, tag)]
    crypto.EVP_CIPHER_CTX_free(context)
    if done != [1] * len(done):
        raise AssertionError("libcrypto could not encrypt")
    return out.raw[:len(plaintext)] + tag.raw


def sealed(key_file, plaintext, tenant=""):
    """Releases have no tenant: theirs is empty."""
    keys = json.loads(key_file.read_text())
    sealing, nonces = derived(base64.b64decode(keys["keys"][keys["current"]]), tenant.encode())
    nonce = hmac.digest(nonces, plaintext.encode(), hashlib.sha256)[:NONCE_SIZE]
    authenticated = f"v1\n{keys['current']}\n{tenant}".encode()
    text = base64url(nonce + encrypted(sealing, nonce, authenticated, plaintext.encode()))
    return f"sealed:v1:{keys['current']}:{text}"
