package script_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"autonoma/internal/model"
	"autonoma/internal/model/anthropic"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/openai"
	"autonoma/internal/model/script"
	"autonoma/internal/model/wire"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, yaml, err string }{
		{"well", "conversations: [{turns: [{text: hi, repeat: 3}, {calls: [{name: bash, rawArgs: '{'}]}]}]", ""},
		{"empty", "", "at least one"},
		{"slip of the pen", "conversations: [{turn: []}]", "turn not found"},
		{"says nothing", "conversations: [{turns: [{}]}]", "neither text nor calls"},
		{"hangs forever", "conversations: [{turns: [{fail: [{hang: true, forever: true}]}]}]", ""},
		{"call without name", "conversations: [{turns: [{calls: [{args: {}}]}]}]", "no name"},
		{"two kinds of args", "conversations: [{turns: [{calls: [{name: a, args: {}, rawArgs: x}]}]}]", "both args"},
		{"failure of two kinds", "conversations: [{turns: [{text: a, fail: [{cut: true, hang: true}]}]}]", "exactly one"},
		{"failure that is none", "conversations: [{turns: [{text: a, fail: [{status: 200}]}]}]", "not an error"},
		{"too many", "conversations: [{turns: [{text: a, repeat: 100000000}]}]", "repeat"},
		{"aside without a question", "conversations: [{turns: [{text: a}], asides: [{text: b}]}]", "needs asks"},
		{"aside that says nothing", "conversations: [{turns: [{text: a}], asides: [{asks: b}]}]", "neither text nor calls"},
		{"unknown stop", "conversations: [{turns: [{text: a, stop: lunch}]}]", "lunch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := script.Parse([]byte(tt.yaml))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}

const play = `
name: play
conversations:
- match: {agent: coder-ai, phase: generate, contains: red}
  turns:
  - {text: "turn {{turn}}", calls: [{name: bash, args: {command: "echo {{turn}}", list: ["{{turn}}", 7]}}], repeat: 2}
  - {calls: [{name: finish, args: {summary: done}}]}
- match: {agent: coder-ai}
  turns:
  - {calls: [{name: bash, args: {command: ls}}]}
- match: {phase: review}
  turns:
  - {text: approve}
  - {text: approve again}
`

func ask(agent, phase, text string, said ...model.Message) model.Request {
	r := modeltest.Ask(text)
	r.System = "You are " + agent + ", somebody.\nPhase: " + phase + "\n"
	r.Messages = append(r.Messages, said...)
	r.Tools = append(r.Tools, model.ToolSpec{Name: "finish", Schema: json.RawMessage(`{"type":"object"}`)})
	return r
}

func TestPlay(t *testing.T) {
	m := script.New(modeltest.Script(t, play))
	r := ask("coder-ai", "generate", "the red one")
	var calls []string
	for range 3 {
		a, err := model.Collect(m.Turn(t.Context(), r), nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.Collect(m.Turn(t.Context(), r), nil)
		if err != nil || !reflect.DeepEqual(again.Message, a.Message) || again.ID == a.ID {
			t.Errorf("asked again it says %+v, %v", again, err)
		}
		c := a.Message.Calls[0]
		calls = append(calls, c.ID+" "+a.Message.Text+" "+c.Args)
		r.Messages = append(r.Messages, a.Message, model.Message{Role: model.Tool, Answer: c.ID})
	}
	want := []string{
		`call_0_0_0 turn 0 {"command":"echo 0","list":["0",7]}`,
		`call_0_1_0 turn 1 {"command":"echo 1","list":["1",7]}`,
		`call_0_2_0  {"summary":"done"}`,
	}
	if !reflect.DeepEqual(calls, want) {
		t.Errorf("got %q", calls)
	}
	if _, err := model.Collect(m.Turn(t.Context(), r), nil); model.KindOf(err) != model.InvalidRequest ||
		!strings.Contains(err.Error(), "conversation 1 (agent coder-ai, phase generate, contains \"red\") ran out") {
		t.Errorf("after the end: %v", err)
	}
}

// A conversation that was summed up goes on at the turn that the summary tells,
// in all forms, and is refused when it is too long.
func TestSummedUp(t *testing.T) {
	const summedUp = `
name: play
context: 400
conversations:
- turns:
  - {thinking: "Hm {{turn}}.", text: "turn {{turn}}", calls: [{name: bash, args: {command: "echo {{turn}}"}}], repeat: 9}
  asides:
  - {asks: Sum up, text: "Much was done (the script is at turn {{turn}})."}
`
	s := modeltest.NewServer(t, summedUp)
	for name, m := range map[string]model.Model{
		"in process":       script.New(modeltest.Script(t, summedUp)),
		"messages":         anthropic.New(wire.Config{BaseURL: s.URL, Key: "k", Info: model.Info{Name: "m", Effort: "high"}}),
		"chat completions": openai.NewChat(wire.Config{BaseURL: s.OpenAIURL(), Key: "k", Info: model.Info{Name: "m"}}),
		"responses":        openai.NewResponses(wire.Config{BaseURL: s.OpenAIURL(), Key: "k", Info: model.Info{Name: "m", Effort: "high"}}),
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(r model.Request) model.Message {
				t.Helper()
				a, err := model.Collect(m.Turn(t.Context(), r), nil)
				if err != nil {
					t.Fatal(err)
				}
				return a.Message
			}
			r := modeltest.Ask("x")
			for range 3 {
				said := ask(r)
				r.Messages = append(r.Messages, said, model.Message{Role: model.Tool, Answer: said.Calls[0].ID, Text: "."})
			}
			before, after := slices.Clone(r.Messages[:5]), slices.Clone(r.Messages[5:])
			r.Messages = append(before, model.Message{Role: model.User, Text: "Sum up."})
			summary := ask(r)
			if summary.Text != "Much was done (the script is at turn 2)." {
				t.Errorf("it sums up %q", summary.Text)
			}
			r.Messages = append([]model.Message{r.Messages[0], {Role: model.User, Text: summary.Text}}, after...)
			if got := ask(r).Text; got != "turn 3" {
				t.Errorf("it goes on with %q", got)
			}
			r.Messages[0].Text = strings.Repeat("x", 4*400)
			if _, err := model.Collect(m.Turn(t.Context(), r), nil); model.KindOf(err) != model.TooLong {
				t.Errorf("too long a conversation: %v", err)
			}
		})
	}
}

func TestWhoAnswers(t *testing.T) {
	m := script.New(modeltest.Script(t, play))
	done := []model.Message{
		{Role: model.Assistant, Calls: []model.Call{{ID: "a", Name: "bash", Args: "{}"}}},
		{Role: model.Tool, Answer: "a", Text: "."},
	}
	for _, tt := range []struct {
		name string
		r    model.Request
		text string
		err  string
	}{
		{"by text", ask("coder-ai", "generate", "the red one"), "turn 0", ""},
		{"by agent", ask("coder-ai", "optimize", "the red one", done...), "The script is over.", ""},
		{"by phase", ask("judge-ai", "review", "x"), "approve", ""},
		{"nobody", ask("judge-ai", "inspect", "x"), "", `no conversation for agent "judge-ai" in phase "inspect"`},
		{"an unknown tool that the script called", func() model.Request {
			r := ask("coder-ai", "optimize", "x", done...)
			r.Tools = r.Tools[1:]
			return r
		}(), "The script is over.", ""},
		{"an unknown tool that it did not call", func() model.Request {
			r := ask("judge-ai", "review", "x", done...)
			r.Tools = r.Tools[1:]
			return r
		}(), "", "not declared"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := model.Collect(m.Turn(t.Context(), tt.r), nil)
			if a.Message.Text != tt.text || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v", a.Message.Text, err)
			}
		})
	}
}

func TestDelayAndFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := script.New(modeltest.Script(t, `
conversations: [{turns: [{text: "well at last", delay: 1s, fail: [{status: 529, retryAfter: 2s, times: 2}, {cut: true}, {error: overloaded}, {empty: true}]}]}]`))
		var kinds []model.Kind
		begin := time.Now()
		for range 6 {
			a, err := model.Collect(m.Turn(t.Context(), modeltest.Ask("x")), nil)
			kinds = append(kinds, model.KindOf(err)+model.Kind(a.Message.Text))
		}
		want := []model.Kind{"overloaded", "overloaded", "cut", "overloaded", "", "well at last"}
		if !reflect.DeepEqual(kinds, want) || time.Since(begin) != 6*time.Second {
			t.Errorf("%q after %v", kinds, time.Since(begin))
		}
	})
}

func TestCheck(t *testing.T) {
	user := model.Message{Role: model.User, Text: "hi"}
	call := func(ids ...string) model.Message {
		m := model.Message{Role: model.Assistant}
		for _, id := range ids {
			m.Calls = append(m.Calls, model.Call{ID: id, Name: "bash", Args: "{}"})
		}
		return m
	}
	answer := func(id string) model.Message { return model.Message{Role: model.Tool, Answer: id} }
	say := model.Message{Role: model.Assistant, Text: "hi"}
	for _, tt := range []struct {
		name     string
		messages []model.Message
		err      string
	}{
		{"well", []model.Message{user, call("a", "b"), answer("b"), answer("a"), user}, ""},
		{"nothing", nil, "at least one"},
		{"assistant first", []model.Message{say, user}, "first message"},
		{"empty user", []model.Message{{Role: model.User, Text: " "}}, "empty"},
		{"empty assistant", []model.Message{user, {Role: model.Assistant}, user}, "empty"},
		{"no answer at the end", []model.Message{user, call("a")}, "without an answer"},
		{"no answer in between", []model.Message{user, call("a", "b"), answer("a"), user}, "have no answer: b"},
		{"answered twice", []model.Message{user, call("a"), answer("a"), answer("a")}, "answered already"},
		{"answer to nothing", []model.Message{user, answer("a")}, "not a call"},
		{"answered later", []model.Message{user, call("a"), user, answer("a")}, "no answer"},
		{"id used twice", []model.Message{user, call("a"), answer("a"), call("a"), answer("a")}, "not used before"},
		{"assistant last", []model.Message{user, say}, "nothing to answer"},
		{"unknown role", []model.Message{{Role: "king", Text: "hi"}}, "king"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := script.Check(model.Request{Messages: tt.messages})
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
	for schema, ok := range map[string]bool{
		`{"type":"object"}`: true, `{"type":"string"}`: false, `{`: false, `[]`: false,
		`{"type":"object","required":["a"]}`: false, `{"type":"object","properties":{"a":{}},"required":["a"]}`: true,
	} {
		err := script.Check(model.Request{Messages: []model.Message{user}, Tools: []model.ToolSpec{{Name: "t", Schema: json.RawMessage(schema)}}})
		if (err == nil) != ok {
			t.Errorf("schema %s: %v", schema, err)
		}
	}
}

// TestServerRefuses sends requests that break the rules of each protocol.
func TestServerRefuses(t *testing.T) {
	s := modeltest.Start(t, modeltest.Script(t, `conversations: [{turns: [{thinking: hm, calls: [{name: bash, args: {}}]}, {text: ok}]}]`))
	const (
		tools     = `"tools":[{"name":"bash","input_schema":{"type":"object"}}]`
		use       = `{"type":"tool_use","id":"a","name":"bash","input":{}}`
		result    = `{"type":"tool_result","tool_use_id":"a","content":"x"}`
		fn        = `"tools":[{"type":"function","function":{"name":"bash","parameters":{"type":"object"}}}]`
		toolCall  = `{"id":"a","type":"function","function":{"name":"bash","arguments":"{}"}}`
		flat      = `"tools":[{"type":"function","name":"bash","parameters":{"type":"object"}}]`
		messages  = "/v1/messages"
		chat      = "/v1/chat/completions"
		responses = "/v1/responses"
	)
	for _, tt := range []struct{ name, path, body, want string }{
		{"not JSON", messages, `{`, "JSON"},
		{"unknown field", messages, `{"model":"m","max_tokens":1,"messages":[],"foo":1}`, "foo"},
		{"no max_tokens", messages, `{"model":"m","messages":[{"role":"user","content":"x"}]}`, "max_tokens"},
		{"roles repeat", messages, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"},{"role":"user","content":"y"}]}`, "alternate"},
		{"assistant first", messages, `{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":"x"}]}`, "first message"},
		{"empty text", messages, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":""}]}`, "non-empty"},
		{"no answer", messages, `{"model":"m","max_tokens":9,` + tools + `,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[` + use + `]},{"role":"user","content":"y"}]}`, "no answer"},
		{"text before results", messages, `{"model":"m","max_tokens":9,` + tools + `,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[` + use + `]},{"role":"user","content":[{"type":"text","text":"y"},` + result + `]}]}`, "must come first"},
		{"thoughts are lost", messages, `{"model":"m","max_tokens":9,` + tools + `,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[` + use + `]},{"role":"user","content":[` + result + `]}]}`, "thoughts"},
		{"thoughts are forged", messages, `{"model":"m","max_tokens":9,` + tools + `,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"x"},` + use + `]},{"role":"user","content":[` + result + `]}]}`, "thoughts"},
		{"budget too large", messages, `{"model":"m","max_tokens":9,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"x"}]}`, "budget_tokens"},
		{"bad schema", messages, `{"model":"m","max_tokens":9,"tools":[{"name":"bash","input_schema":{"type":"array"}}],"messages":[{"role":"user","content":"x"}]}`, "object"},
		{"unknown field", chat, `{"model":"m","messages":[],"foo":1}`, "foo"},
		{"stream options alone", chat, `{"model":"m","stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}`, "stream"},
		{"two limits", chat, `{"model":"m","max_tokens":1,"max_completion_tokens":1,"messages":[{"role":"user","content":"x"}]}`, "both"},
		{"no answer", chat, `{"model":"m",` + fn + `,"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[` + toolCall + `]}]}`, "answer"},
		{"answer to nothing", chat, `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"b","content":"x"}]}`, "not a call"},
		{"undeclared tool", chat, `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"rm","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"x"}]}`, "not declared"},
		{"system in the middle", chat, `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"system","content":"y"}]}`, "first"},
		{"unknown field", responses, `{"model":"m","input":"x","foo":1}`, "foo"},
		{"no answer", responses, `{"model":"m",` + flat + `,"input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"a","name":"bash","arguments":"{}"}]}`, "answer"},
		{"reasoning alone", responses, `{"model":"m","input":[{"role":"user","content":"x"},{"type":"reasoning","encrypted_content":"e","summary":[]},{"role":"user","content":"y"}]}`, "followed"},
		{"reasoning not encrypted", responses, `{"model":"m","input":[{"role":"user","content":"x"},{"type":"reasoning","id":"r","summary":[]}]}`, "encrypted_content"},
		{"thoughts are lost", responses, `{"model":"m","include":["reasoning.encrypted_content"],` + flat + `,"input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"a","name":"bash","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":"x"}]}`, "thoughts"},
	} {
		t.Run(tt.path+" "+tt.name, func(t *testing.T) {
			status, body := post(t, s.URL+tt.path, "k", tt.body)
			var problem struct {
				Error struct{ Type, Message string }
			}
			if err := json.Unmarshal(body, &problem); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if status != http.StatusBadRequest || problem.Error.Type != "invalid_request_error" || !strings.Contains(problem.Error.Message, tt.want) {
				t.Errorf("got %d %s, want %q", status, body, tt.want)
			}
		})
	}
	if status, _ := post(t, s.URL+messages, "", `{}`); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", status)
	}
}

func post(t *testing.T, url, key, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

func TestLog(t *testing.T) {
	s := modeltest.Start(t, modeltest.Script(t, `conversations: [{match: {agent: a, phase: p}, turns: [{text: hi, fail: [{cut: true}]}]}]`))
	body := `{"model":"m","max_tokens":9,"stream":true,"system":"You are a, b.\nPhase: p","messages":[{"role":"user","content":"x"}]}`
	if resp, err := http.Post(s.URL+"/v1/messages", "application/json", strings.NewReader(body)); err == nil {
		resp.Body.Close() // it has no key
	}
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/messages", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer k")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body) // the first breaks off
		resp.Body.Close()
	}
	resp, err := http.Get(s.URL + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []script.Entry
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var e script.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if len(all) != 3 {
		t.Fatalf("%d entries: %+v", len(all), all)
	}
	refused, cut, sent := all[0], all[1], all[2]
	if refused.Status != 401 || refused.Refusal == "" || refused.Sent {
		t.Errorf("refused: %+v", refused)
	}
	if cut.Failure != "cut" || cut.Sent || cut.Response == "" {
		t.Errorf("cut: %+v", cut)
	}
	if !sent.Sent || sent.Agent != "a" || sent.Phase != "p" || sent.Key != cut.Key || sent.Key == "" || sent.Response == cut.Response {
		t.Errorf("sent: %+v", sent)
	}
}

func TestKey(t *testing.T) {
	r := modeltest.Ask("x")
	same := modeltest.Ask("x")
	same.Tools, same.MaxTokens = nil, 7
	if script.Key(r) != script.Key(same) {
		t.Error("tools and limits change the key")
	}
	other := modeltest.Ask("y")
	if script.Key(r) == script.Key(other) {
		t.Error("another text has the same key")
	}
}

func TestHangEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model.Stall(script.New(modeltest.Script(t, "conversations: [{turns: [{fail: [{hang: true, forever: true}]}]}]")), time.Minute)
		_, err := model.Collect(m.Turn(t.Context(), modeltest.Ask("x")), nil)
		var e *model.Error
		if !errors.As(err, &e) || e.Kind != model.Stalled {
			t.Errorf("got %v", err)
		}
	})
}
