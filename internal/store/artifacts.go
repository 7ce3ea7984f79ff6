package store

import (
	"context"
	"fmt"

	"autonoma"
)

const artifactColumns = `id, run, name, type, media_type, path, size, digest, created_at, execution`

// PutArtifact stores what an artifact is, in place of an earlier one of the same
// name in the same run, whose identifier it takes over, and returns it as stored.
// The content is a blob.
func (t *Tx) PutArtifact(a autonoma.Artifact) (autonoma.Artifact, error) {
	err := t.tx.QueryRowContext(t.ctx, `
		INSERT INTO artifacts (`+artifactColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (run, name) DO UPDATE SET type = excluded.type, media_type = excluded.media_type,
			path = excluded.path, size = excluded.size, digest = excluded.digest,
			execution = excluded.execution
		RETURNING id`,
		a.ID, a.Run, a.Name, a.Type, a.MediaType, a.Path, a.Size, a.Digest, micros(a.CreatedAt), a.Execution).Scan(&a.ID)
	if err != nil {
		return a, fmt.Errorf("put artifact: %w", err)
	}
	return a, nil
}

// Artifacts returns the artifacts of a run, oldest first.
func (d *DB) Artifacts(ctx context.Context, run autonoma.RunID) ([]autonoma.Artifact, error) {
	rows, err := d.read.QueryContext(ctx,
		`SELECT `+artifactColumns+` FROM artifacts WHERE run = ? ORDER BY created_at, id`, run)
	return collect(rows, err, scanArtifact)
}

// Artifact returns one artifact of a run.
func (d *DB) Artifact(ctx context.Context, run autonoma.RunID, id autonoma.ArtifactID) (autonoma.Artifact, error) {
	a, err := scanArtifact(d.read.QueryRowContext(ctx,
		`SELECT `+artifactColumns+` FROM artifacts WHERE run = ? AND id = ?`, run, id))
	return found(string(id), a, err)
}

func scanArtifact(row scanner) (autonoma.Artifact, error) {
	var a autonoma.Artifact
	err := row.Scan(&a.ID, &a.Run, &a.Name, &a.Type, &a.MediaType, &a.Path, &a.Size, &a.Digest, toTime(&a.CreatedAt), &a.Execution)
	return a, err
}
