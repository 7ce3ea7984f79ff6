package evidence

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// MediaType is that of an envelope.
	MediaType = "application/vnd.dsse.envelope.v1+json"
	// PayloadType is that of the statement in it.
	PayloadType = "application/vnd.in-toto+json"
	// MaxEnvelope is how many bytes an envelope may have. Ours have some thousands.
	MaxEnvelope = 4 << 20
)

// ErrRefused reports an envelope that proves nothing; the text says why.
var ErrRefused = errors.New("the evidence is refused")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}

// An envelope is a signed payload, as DSSE 1.0 has it.
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// pae is what is signed: the type and the body, each with its length before it, so
// that no two pairs give the same bytes.
func pae(payloadType string, body []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(body), body)
}

// seal puts a payload into an envelope.
func seal(key ed25519.PrivateKey, payload []byte) ([]byte, error) {
	id, err := KeyID(key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	sig := ed25519.Sign(key, pae(PayloadType, payload))
	return json.Marshal(envelope{
		PayloadType: PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []signature{{KeyID: id, Sig: base64.StdEncoding.EncodeToString(sig)}},
	})
}

// unseal returns the payload of an envelope that one of the keys has signed, and the
// identifier of that key.
func unseal(sealed []byte, keys []ed25519.PublicKey) (payload []byte, keyID string, err error) {
	if len(sealed) > MaxEnvelope {
		return nil, "", refused("it has more than %d bytes", MaxEnvelope)
	}
	var e envelope
	if err := strict(sealed, &e); err != nil {
		return nil, "", refused("it is no envelope: %w", err)
	}
	if e.PayloadType != PayloadType {
		return nil, "", refused("its payload is of the type %.100q, not %q", e.PayloadType, PayloadType)
	}
	if payload, err = decode(e.Payload); err != nil {
		return nil, "", refused("its payload is no base64: %w", err)
	}
	signed := pae(e.PayloadType, payload)
	named := false // whether a known key is said to have signed it
	for _, s := range e.Signatures {
		sig, err := decode(s.Sig)
		if err != nil {
			continue
		}
		for _, key := range keys {
			id, err := KeyID(key)
			if err != nil || s.KeyID != "" && s.KeyID != id { // the name is a hint, and may be left out
				continue
			}
			named = true
			if ed25519.Verify(key, signed, sig) {
				return payload, id, nil
			}
		}
	}
	if named {
		return nil, "", refused("its signature does not fit what it says: it was changed after it was signed")
	}
	return nil, "", refused("none of the %d keys given has signed it", len(keys))
}

// strict decodes one JSON value with nothing after it. Fields that are not known are
// passed over, as both formats demand.
func strict(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}

// decode reads base64 in either of its alphabets, as DSSE demands.
func decode(text string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		b, err = base64.URLEncoding.Strict().DecodeString(text)
	}
	return b, err
}
