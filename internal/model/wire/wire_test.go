package wire

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"autonoma/internal/model"
)

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		kind       model.Kind
		message    string
	}{
		{"Anthropic", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, 529, model.Overloaded, "Overloaded"},
		{"Anthropic, too long", `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 5 maximum"}}`, 400, model.TooLong, "prompt is too long: 9 tokens > 5 maximum"},
		{"Anthropic, too long with its answer", `{"type":"error","error":{"type":"invalid_request_error","message":"input length and max_tokens exceed context limit: 3 + 3 > 5"}}`, 400, model.TooLong, "input length and max_tokens exceed context limit: 3 + 3 > 5"},
		{"Anthropic, no money", `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access"}}`, 400, model.Quota, "Your credit balance is too low to access"},
		{"Anthropic, too large", `{"type":"error","error":{"type":"request_too_large","message":"big"}}`, 413, model.TooLong, "big"},
		{"OpenAI, no money", `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`, 429, model.Quota, "You exceeded your current quota"},
		{"OpenAI, too long", `{"error":{"message":"This model's maximum context length is 5","type":"invalid_request_error","code":"context_length_exceeded"}}`, 400, model.TooLong, "This model's maximum context length is 5"},
		{"OpenAI, rate", `{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}`, 429, model.RateLimited, "slow down"},
		{"OpenAI, wrong type for the status", `{"error":{"message":"no","type":"invalid_request_error","code":null}}`, 401, model.Unauthorized, "no"},
		{"Google", `[{"error":{"code":429,"message":"busy","status":"RESOURCE_EXHAUSTED"}}]`, 429, model.RateLimited, "busy"},
		{"Google, wrong key", `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`, 400, model.Unauthorized, "API key not valid. Please pass a valid API key."},
		{"vLLM", `{"object":"error","message":"This model's maximum context length is 4096 tokens","type":"BadRequestError","code":400}`, 400, model.TooLong, "This model's maximum context length is 4096 tokens"},
		{"llama.cpp", `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`, 400, model.TooLong, "the request exceeds the available context size"},
		{"Ollama", `{"error":"model 'x' not found"}`, 404, model.NotFound, "model 'x' not found"},
		{"FastAPI", `{"detail":"Not Found"}`, 404, model.NotFound, `"Not Found"`},
		{"HTML", `<html>502</html>`, 502, model.Overloaded, `<html>502</html>`},
		{"nothing", ``, 503, model.Overloaded, "the server answered service unavailable"},
		{"a redirect", ``, 307, model.NotFound, "the server answered temporary redirect"},
		{"half a character", strings.Repeat("é", 400), 500, model.Overloaded, strings.Repeat("é", 300) + "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := ReadProblem([]byte(tt.body)).Error(tt.status)
			if e.Kind != tt.kind || e.Message != tt.message || e.Status != tt.status {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for _, tt := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "2", 2 * time.Second},
		{"Retry-After", "0.2", 200 * time.Millisecond},
		{"Retry-After", "Mon, 04 May 2026 03:02:11 GMT", 10 * time.Second},
		{"Retry-After", "Mon, 04 May 2026 03:02:00 GMT", 0},
		{"Retry-After", "-1", 0},
		{"Retry-After", "NaN", 0},
		{"Retry-After", "1e300", 24 * time.Hour},
		{"Retry-After", "soon", 0},
		{"Retry-After-Ms", "250", 250 * time.Millisecond},
	} {
		h := http.Header{}
		h.Set(tt.name, tt.value)
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("%s: %s is %v, want %v", tt.name, tt.value, got, tt.want)
		}
	}
	both := http.Header{"Retry-After": {"7"}, "Retry-After-Ms": {"100"}}
	if got := retryAfter(both, now); got != 100*time.Millisecond {
		t.Errorf("the exact one loses: %v", got)
	}
}

func TestKeysAreStars(t *testing.T) {
	k := Key("very-secret")
	encoded, err := json.Marshal(map[string]any{"key": k})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "config", Config{Key: k})
	for _, s := range []string{
		fmt.Sprint(k), fmt.Sprintf("%q %x %#v %d %+v", k, k, k, k, Config{Key: k}), string(encoded), log.String(),
		k.hide("invalid key very-secret, or sk-proj-abcdefgh1234"),
	} {
		if strings.Contains(s, "secret") || strings.Contains(s, "abcdefgh") || strings.Contains(s, "766572792d") {
			t.Errorf("shows the key: %s", s)
		}
	}
}

func TestArgsObject(t *testing.T) {
	for args, want := range map[string]string{
		`{"a": 1}`: `{"a": 1}`,
		`{"a":`:    `{"malformed_arguments":"{\"a\":"}`,
		`[1]`:      `{"malformed_arguments":"[1]"}`,
		`null`:     `{"malformed_arguments":"null"}`,
		``:         `{"malformed_arguments":""}`,
	} {
		if got := string(ArgsObject(args)); got != want {
			t.Errorf("%s is %s, want %s", args, got, want)
		}
	}
}

func TestPieces(t *testing.T) {
	m := model.Message{Text: "abcd", Calls: []model.Call{{ID: "1"}, {ID: "2"}}}
	for _, tt := range []struct {
		name   string
		layout []Place
		want   string
	}{
		{"none", nil, "abcd 1 2"},
		{"mixed", []Place{{Block: json.RawMessage(`{}`)}, {Text: 1}, {Call: true}, {Text: 3}, {Call: true}}, "{} a 1 bcd 2"},
		{"too much text", []Place{{Text: 5}, {Call: true}, {Call: true}}, "abcd 1 2"},
		{"too little text", []Place{{Text: 3}, {Call: true}, {Call: true}}, "abcd 1 2"},
		{"negative", []Place{{Text: -1}}, "abcd 1 2"},
		{"too many calls", []Place{{Text: 4}, {Call: true}, {Call: true}, {Call: true}}, "abcd 1 2"},
		{"too few calls", []Place{{Text: 4}, {Call: true}}, "abcd 1 2"},
	} {
		var got []string
		for _, p := range Pieces(m, tt.layout) {
			s := p.Text + string(p.Block)
			if p.Call != nil {
				s += p.Call.ID
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, s, tt.want)
		}
	}
}
