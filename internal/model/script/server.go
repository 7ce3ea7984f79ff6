package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"autonoma/internal/model"
)

// A Server plays a script over HTTP, as Anthropic Messages (POST
// /v1/messages), Chat Completions (POST /v1/chat/completions) and Responses
// (POST /v1/responses), streamed or whole. It refuses what the provider would
// refuse, in the provider's words. GET /log tells what happened.
//
// It asks for a key and takes any. It is for tests and demonstrations on
// loopback.
type Server struct {
	*player
	mux *http.ServeMux
	log journal
}

// NewServer returns a server that plays s.
func NewServer(s *Script) *Server {
	srv := &Server{player: newPlayer(s), mux: http.NewServeMux()}
	for path, d := range map[string]dialect{
		"/v1/messages":         messages{},
		"/v1/chat/completions": chat{},
		"/v1/responses":        responses{},
	} {
		srv.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { srv.turn(w, r, d) })
	}
	srv.mux.HandleFunc("GET /log", srv.log.serve)
	srv.mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		_ = writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{map[string]any{"id": s.Name, "object": "model"}}})
	})
	return srv
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Log returns what the server was asked so far.
func (s *Server) Log() []Entry { return s.log.all() }

// A dialect is how one protocol is spoken.
type dialect interface {
	// parse reads a request and reports how it breaks the protocol's rules.
	parse(body []byte) (asked, error)
	// events are what a streamed answer consists of.
	events(answer) []event
	// whole is an answer that is not streamed.
	whole(answer) any
	// problem is the body of a refusal, or of an error event.
	problem(status int, kind model.Kind, message string) any
	// errorEvent is the event that reports a problem in the middle of a stream.
	errorEvent(problem any) event
	// idPrefix begins the ids of responses.
	idPrefix() string
}

// asked is a request in terms of this package.
type asked struct {
	model.Request
	model  string
	stream bool
	// thoughts are the signatures that came with each message of the
	// assistant; nil if the protocol does not give thoughts back, or was not
	// asked to.
	thoughts [][]string
	signs    bool // whether thoughts are signed for this request
}

// answer is all that a protocol needs to know of what is said.
type answer struct {
	part
	asked
	key     string // of the request, see Key
	id      string
	message model.Message
	usage   model.Usage
	refused string // what the model says instead; "" if it does not refuse
}

// signature proves that a thought is the script's own.
func (p part) signature() string {
	return "sig-" + Key(model.Request{System: fmt.Sprint(p.conversation, p.turn), Messages: []model.Message{{Text: p.thinking()}}})
}

const maxBody = 64 << 20

func (s *Server) turn(w http.ResponseWriter, r *http.Request, d dialect) {
	refuse := func(status int, kind model.Kind, err error) {
		s.log.add(Entry{Path: r.URL.Path, Status: status, Refusal: err.Error()})
		_ = writeJSON(w, status, d.problem(status, kind, err.Error()))
	}
	if r.Header.Get("X-Api-Key") == "" && strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer")) == "" {
		refuse(http.StatusUnauthorized, model.Unauthorized, errors.New("a key is required, in x-api-key or Authorization; any will do"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, model.TooLong, err)
		return
	}
	q, err := d.parse(body)
	if err == nil {
		err = Check(q.Request)
	}
	if err != nil {
		refuse(http.StatusBadRequest, model.InvalidRequest, err)
		return
	}
	at, failure, refusal := s.next(q.Request)
	if refusal == nil {
		refusal = s.checkThoughts(at, q)
	}
	if refusal != nil {
		refuse(http.StatusBadRequest, model.InvalidRequest, errors.New(refusal.Message))
		return
	}
	s.play(r.Context(), w, d, s.answer(d, at, q), failure, r.URL.Path)
}

func (s *Server) answer(d dialect, at part, q asked) answer {
	return answer{part: at, asked: q, key: Key(q.Request), id: newID(d.idPrefix()), message: at.message(), usage: at.usage(q.Request)}
}

// checkThoughts reports thoughts that were not given back as they came.
func (s *Server) checkThoughts(at part, q asked) *model.Error {
	turns := s.script.Conversations[at.conversation].Turns
	numbers, _ := numbers(q.Messages)
	for i, given := range q.thoughts {
		k := numbers[i]
		if k >= len(turns) || turns[k].Thinking == "" {
			if len(given) > 0 {
				return s.script.refusal("message %d of the assistant: a thought that was not the model's", k)
			}
			continue
		}
		want := part{conversation: at.conversation, turn: k, say: turns[k]}.signature()
		if len(given) != 1 || given[0] != want {
			return s.script.refusal("message %d of the assistant: its thoughts must be given back once, with their signature", k)
		}
	}
	return nil
}

// play answers, or fails the way that the script wants.
func (s *Server) play(ctx context.Context, w http.ResponseWriter, d dialect, a answer, f *Failure, path string) {
	entry := Entry{Path: path, Status: http.StatusOK, Key: a.key, Agent: a.agent, Phase: a.phase, Turn: a.turn, Response: a.id}
	if f != nil {
		entry.Failure = f.name()
	}
	n := s.log.add(entry)
	if wait(ctx, a.say.Delay) != nil {
		return
	}
	switch {
	case f == nil:
	case f.Hang && f.After == 0:
		<-ctx.Done()
		return
	case f.Status != 0 || f.TooLong:
		s.log.status(n, refuseAs(w, d, *f))
		return
	case f.Empty:
		a.message, a.say.Thinking, a.say.Stop = model.Message{Role: model.Assistant}, "", ""
	case f.Refuse:
		a.message, a.say.Thinking, a.refused = model.Message{Role: model.Assistant}, "", orWord(f.Message, "I will not do that.")
	}
	if !a.stream {
		_ = s.log.deliver(n, func() error { return writeJSON(w, http.StatusOK, d.whole(a)) })
		return
	}
	s.stream(ctx, w, d, a, f, n)
}

// refuseAs answers with the status of f and returns it.
func refuseAs(w http.ResponseWriter, d dialect, f Failure) int {
	status, kind := f.Status, model.KindOfStatus(f.Status)
	message := orWord(f.Message, "as the script wants it")
	if f.TooLong {
		status, kind, message = http.StatusBadRequest, model.TooLong, orWord(f.Message, "prompt is too long: 250000 tokens > 200000 maximum")
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatFloat(f.RetryAfter.Seconds(), 'f', -1, 64))
	}
	_ = writeJSON(w, status, d.problem(status, kind, message))
	return status
}

func (f Failure) name() string {
	switch {
	case f.Status != 0:
		return "status " + strconv.Itoa(f.Status)
	case f.Cut:
		return "cut"
	case f.Hang:
		return "hang"
	case f.Refuse:
		return "refuse"
	case f.TooLong:
		return "too long"
	case f.Empty:
		return "empty"
	}
	return "error " + f.Error
}

func orWord(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// writeJSON answers with v. It fails if the client has gone away.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// created is when all responses were made: a script is outside of time.
var created = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
