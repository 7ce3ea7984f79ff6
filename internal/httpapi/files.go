package httpapi

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"autonoma"
)

func (s *server) taskDiff(ctx context.Context, by autonoma.Actor, in *runIn) (*bodyOut, error) {
	id, err := runID(in.TaskID)
	if err != nil {
		return nil, err
	}
	return s.diff(ctx, by, id)
}

func (s *server) diff(ctx context.Context, by autonoma.Actor, id autonoma.RunID) (*bodyOut, error) {
	f, err := s.Tasks.Diff(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return serveFile(f, "text/x-diff; charset=utf-8", string(id)+".diff")
}

type taskArtifactIn struct {
	TaskID     string `path:"taskId" doc:"Names the task, or the execution of an agent that was invoked by name."`
	ArtifactID string `path:"artifactId" doc:"Names the artifact."`
}

func (s *server) taskArtifact(ctx context.Context, by autonoma.Actor, in *taskArtifactIn) (*bodyOut, error) {
	id, err := runID(in.TaskID)
	if err != nil {
		return nil, err
	}
	return s.artifact(ctx, by, id, autonoma.ArtifactID(in.ArtifactID))
}

func (s *server) artifact(ctx context.Context, by autonoma.Actor, id autonoma.RunID, art autonoma.ArtifactID) (*bodyOut, error) {
	a, f, err := s.Tasks.Artifact(ctx, by, id, art)
	if err != nil {
		return nil, err
	}
	return serveFile(f, a.MediaType, a.Path)
}

// serveFile answers with the content of a file, which it closes. What agents
// made is never for a browser to carry out: it is to be saved, not shown.
func serveFile(f *os.File, mediaType, name string) (*bodyOut, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("serve file: %w", closing(f, err))
	}
	if _, _, err := mime.ParseMediaType(mediaType); err != nil {
		mediaType = "application/octet-stream"
	}
	return &bodyOut{func(hc huma.Context) {
		defer f.Close()
		r, w := humachi.Unwrap(hc)
		h := w.Header()
		h.Set("Content-Type", mediaType)
		h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
		h.Set("Content-Disposition", attachment(name))
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodHead {
			return
		}
		if _, err := io.Copy(newSlow(w), f); err != nil { // the client sees that something is missing
			noteOf(r.Context()).err = fmt.Errorf("serve file: %w", err)
		}
	}}, nil
}

func closing(f *os.File, err error) error {
	f.Close()
	return err
}

// attachment says under which name to save something.
func attachment(name string) string {
	base := path.Base("/" + name)
	if base == "/" {
		return "attachment"
	}
	if value := mime.FormatMediaType("attachment", map[string]string{"filename": base}); value != "" {
		return value
	}
	return "attachment"
}
