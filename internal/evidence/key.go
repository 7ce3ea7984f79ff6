package evidence

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// KeyID names a key: the SHA-256, in hex, of the public key as SubjectPublicKeyInfo
// in DER. It is what `openssl pkey -pubin -outform DER | sha256sum` prints.
func KeyID(key ed25519.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// PEM writes a public key as others read it.
func PEM(key ed25519.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})), nil
}

const publicBlock = "PUBLIC KEY"

// ParseKeys reads public keys in PEM, one after the other. What stands around the
// blocks is passed over.
func ParseKeys(text []byte) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != publicBlock {
			return nil, fmt.Errorf("a block of the type %.40q: only public keys (%s) are wanted", block.Type, publicBlock)
		}
		any, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
		key, ok := any.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("a key of the type %T: only Ed25519 is understood", any)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key in it; it should hold PEM blocks, as GET /v1/evidence/keys gives them")
	}
	return keys, nil
}
