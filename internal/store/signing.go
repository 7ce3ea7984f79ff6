package store

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"autonoma"
)

// A Signer is a signing key with its private part, sealed.
type Signer struct {
	autonoma.SigningKey
	Sealed []byte
}

const signerColumns = `id, public, sealed, created_at, retired_at`

// Signer returns the key that signs.
func (d *DB) Signer(ctx context.Context) (Signer, error) { return oneSigner(ctx, d.read) }

// Signer returns the key that signs, which nobody else can change until the
// transaction ends.
func (t *Tx) Signer() (Signer, error) { return oneSigner(t.ctx, t.tx) }

func oneSigner(ctx context.Context, q querier) (Signer, error) {
	s, err := scanSigner(q.QueryRowContext(ctx, `SELECT `+signerColumns+` FROM signing_keys WHERE retired_at IS NULL`))
	return found("signing key", s, err)
}

// SigningKeys returns all signing keys, newest first, those that are retired too.
func (d *DB) SigningKeys(ctx context.Context) ([]autonoma.SigningKey, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT `+signerColumns+` FROM signing_keys ORDER BY created_at DESC, id`)
	return collect(rows, err, func(row scanner) (autonoma.SigningKey, error) {
		s, err := scanSigner(row)
		return s.SigningKey, err
	})
}

// PutSigner makes a key the one that signs. The one before it is retired.
func (t *Tx) PutSigner(s Signer, now time.Time) error {
	if _, err := t.tx.ExecContext(t.ctx, `UPDATE signing_keys SET retired_at = ? WHERE retired_at IS NULL`, micros(now)); err != nil {
		return fmt.Errorf("retire signing key: %w", err)
	}
	_, err := t.tx.ExecContext(t.ctx, `INSERT INTO signing_keys (`+signerColumns+`) VALUES (?, ?, ?, ?, ?)`,
		s.ID, []byte(s.Public), s.Sealed, micros(s.CreatedAt), micros(s.RetiredAt))
	if err != nil {
		return fmt.Errorf("put signing key: %w", err)
	}
	return nil
}

func scanSigner(row scanner) (Signer, error) {
	var s Signer
	var public []byte
	err := row.Scan(&s.ID, &public, &s.Sealed, toTime(&s.CreatedAt), toTime(&s.RetiredAt))
	s.Public = ed25519.PublicKey(public)
	return s, err
}
