package api

import (
	"crypto/x509"
	"encoding/pem"
	"time"

	"autonoma"
)

// A SigningKey is a key that signs evidence, or did.
type SigningKey struct {
	KeyID     autonoma.SigningKeyID `json:"keyId" doc:"Names the key, as the envelopes do: the SHA-256 of its SubjectPublicKeyInfo."`
	PublicKey string                `json:"publicKey" doc:"The public key (Ed25519), in PEM."`
	CreatedAt time.Time             `json:"createdAt" doc:"When it was made."`
	RetiredAt *time.Time            `json:"retiredAt" doc:"Since when it signs nothing more; null for the one that signs. What it signed stays good."`
}

// SigningKeys are the keys of an installation.
type SigningKeys struct {
	Keys []SigningKey `json:"keys" doc:"The keys, newest first."`
}

// SigningKeyOf returns a key as it is shown.
func SigningKeyOf(k autonoma.SigningKey) SigningKey {
	der, _ := x509.MarshalPKIXPublicKey(k.Public) // fails only for kinds of keys that are not known
	return SigningKey{
		KeyID: k.ID, PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		CreatedAt: Seconds(k.CreatedAt), RetiredAt: secondsOrNull(k.RetiredAt),
	}
}

// A Tests tells how many tests a command ran, as its runner says.
type Tests struct {
	Passed  int      `json:"passed" doc:"How many passed; 0 if partial."`
	Failed  int      `json:"failed" doc:"How many failed."`
	Skipped int      `json:"skipped" doc:"How many were left out; 0 if partial."`
	Failing []string `json:"failing" doc:"The names of the first that failed."`
	Partial bool     `json:"partial" doc:"True if the runner tells only of tests that fail."`
}

func testsOf(t *autonoma.Tests) *Tests {
	if t == nil {
		return nil
	}
	return &Tests{Passed: t.Passed, Failed: t.Failed, Skipped: t.Skipped, Partial: t.Partial, Failing: append([]string{}, t.Failing...)}
}
