"""The key that the local issuer signs with: kept in a file, and published as a JWK."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from stack.processes import ProcessError


def kept(path: Path) -> EllipticCurvePrivateKey:
    """The key in this file, made at the first call, so that tokens outlive a restart. For its owner's eyes only."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        key = None  # refused below
    except FileNotFoundError:
        key = generate_private_key(SECP256R1())
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ProcessError(f"{path} holds no P-256 key: remove it and a new one is made")
    return key


def public(key: EllipticCurvePrivateKey) -> dict[str, Any]:
    """The public key as a JWK; its id is its thumbprint (RFC 7638)."""
    jwk = {
        name: value
        for name, value in ECAlgorithm.to_jwk(key.public_key(), as_dict=True).items()
        if name in ("crv", "kty", "x", "y")
    }
    thumbprint = hashlib.sha256(msgspec.json.encode(jwk, order="sorted")).digest()
    return {**jwk, "kid": base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode(), "use": "sig", "alg": "ES256"}


def fresh() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())
