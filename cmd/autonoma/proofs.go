package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"autonoma"
	"autonoma/client"
	"autonoma/internal/blob"
	"autonoma/internal/evidence"
	"autonoma/internal/store"
)

// proofs are where evidence and the keys for it come from.
type proofs interface {
	evidence(ctx context.Context, run autonoma.RunID) ([]byte, error)
	keys(ctx context.Context) ([]ed25519.PublicKey, error)
}

// proofs returns the server that the environment names, or else the data directory.
func (w world) proofs(cfg *config) proofs {
	if url := w.Getenv("AUTONOMA_URL"); url != "" {
		return remoteProofs{&client.Client{BaseURL: url, Key: w.Getenv("AUTONOMA_KEY")}}
	}
	return localProofs{cfg.Data}
}

// remoteProofs come from a server.
type remoteProofs struct{ *client.Client }

func (r remoteProofs) evidence(ctx context.Context, run autonoma.RunID) ([]byte, error) {
	body, err := r.Evidence(ctx, run)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, evidence.MaxEnvelope+1))
}

func (r remoteProofs) keys(ctx context.Context) ([]ed25519.PublicKey, error) {
	all, err := r.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	var keys []ed25519.PublicKey
	for _, k := range all.Keys {
		one, err := evidence.ParseKeys([]byte(k.PublicKey))
		if err != nil {
			return nil, err
		}
		keys = append(keys, one...)
	}
	return keys, nil
}

// localProofs are in a data directory, whether or not a server works on it: nothing
// is begun or resumed to read them.
type localProofs struct{ dir string }

func (l localProofs) open(ctx context.Context) (*store.DB, error) {
	path := filepath.Join(l.dir, "autonoma.db")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s is not the data directory of a server that was started once; name the right one with --data, or a server with AUTONOMA_URL and AUTONOMA_KEY; for evidence in a file, public keys given with --key are enough", l.dir)
	}
	return store.Open(ctx, path)
}

func (l localProofs) evidence(ctx context.Context, run autonoma.RunID) ([]byte, error) {
	db, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := db.Run(ctx, run); err != nil {
		return nil, err
	}
	all, err := db.Artifacts(ctx, run)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(a autonoma.Artifact) bool { return a.Type == autonoma.EvidenceArtifact })
	if at < 0 {
		return nil, fmt.Errorf("%s has no evidence: it is not over, or handed over no change", run)
	}
	blobs, err := blob.Open(filepath.Join(l.dir, "blobs"))
	if err != nil {
		return nil, err
	}
	f, err := blobs.Open(all[at].Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, evidence.MaxEnvelope+1))
}

func (l localProofs) keys(ctx context.Context) ([]ed25519.PublicKey, error) {
	db, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	all, err := db.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]ed25519.PublicKey, len(all))
	for i, k := range all {
		keys[i] = k.Public
	}
	return keys, nil
}
