package worker

import (
	"context"
	"fmt"
	"io"

	"autonoma"
	"autonoma/internal/deps"
)

// bill lists what the result of a run is made of, from product up: whoever delivers it
// to others is asked for that.
func (w *Worker) bill(ctx context.Context, m made, d *delivery) error {
	if !m.run.Request.Scope.AtLeast(autonoma.Product) {
		return nil
	}
	id := string(m.run.ID)
	files, err := w.Workspaces.Files(ctx, id, m.head)
	if err != nil {
		return err
	}
	set, err := deps.Read(files)
	if err != nil {
		return fmt.Errorf("bill of materials: %w", err)
	}
	if len(set.Deps) == 0 {
		return nil
	}
	text, err := deps.SBOM(set, id+" at "+m.head, m.run.CreatedAt)
	if err != nil {
		return err
	}
	kept, err := w.keep(m.run.ID, autonoma.SBOMArtifact, "sbom", id+".cdx.json", "application/vnd.cyclonedx+json; version=1.6", func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
	d.artifacts = append(d.artifacts, kept)
	return err
}
