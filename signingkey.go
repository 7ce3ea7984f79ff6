package autonoma

import (
	"crypto/ed25519"
	"time"
)

// A SigningKey is a key with which an installation signs evidence, without what is
// secret of it.
type SigningKey struct {
	ID        SigningKeyID
	Public    ed25519.PublicKey
	CreatedAt time.Time
	RetiredAt time.Time // since when it signs nothing more, though what it signed stays good; zero: it signs
}

// A SigningKeyID names a signing key: the SHA-256 of its public part.
type SigningKeyID string
