package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
)

// bodyTime is how long the body of a request may take to arrive.
const bodyTime = 20 * time.Second

// sent is the body of a request as a T. Faults are what is wrong with its form:
// the nouns judge the rest, and all is told at once.
type sent[T any] struct {
	Value  T
	Faults autonoma.FieldErrors
	raw    []byte
	err    error
}

// Resolve implements [huma.Resolver]: it reads the body. What goes wrong is kept
// for [sent.get], which can say it in our words.
func (b *sent[T]) Resolve(ctx huma.Context) []error {
	if b.raw, b.err = readBody(ctx); b.err == nil {
		b.Faults, b.err = decode(b.raw, &b.Value)
	}
	return nil
}

// get returns what was sent, or why there is nothing that could be looked at.
func (b *sent[T]) get() (T, autonoma.FieldErrors, error) { return b.Value, b.Faults, b.err }

func readBody(ctx huma.Context) ([]byte, error) {
	if err := checkMediaType(ctx); err != nil {
		return nil, err
	}
	_ = ctx.SetReadDeadline(time.Now().Add(bodyTime)) // where there is no connection there is no slow one
	raw, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), api.MaxBody+1))
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		return nil, api.NewProblem(api.Timeout, fmt.Sprintf("the body did not arrive within %v", bodyTime))
	case err != nil:
		return nil, api.NewProblem(api.InvalidJSON, "the body ended early")
	case len(raw) > api.MaxBody:
		return nil, api.NewProblem(api.PayloadTooLarge, fmt.Sprintf("the body is larger than %d bytes", api.MaxBody))
	}
	_ = ctx.SetReadDeadline(time.Time{})
	return raw, nil
}

// checkMediaType refuses what does not say that it is JSON. To say nothing is
// fine.
func checkMediaType(ctx huma.Context) error {
	refuse := api.NewProblem(api.UnsupportedMediaType, "send the body as Content-Type: application/json, in UTF-8 and not compressed")
	if enc := ctx.Header("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return refuse
	}
	said := ctx.Header("Content-Type")
	if said == "" {
		return nil
	}
	media, params, err := mime.ParseMediaType(said)
	charset := params["charset"]
	if err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return refuse
	}
	return nil
}

// plain writes a text.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
