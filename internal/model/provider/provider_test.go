package provider_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/provider"
	"autonoma/internal/model/script"
)

// env is an environment in which nothing answers as Ollama unless the test
// says so.
func env(pairs ...string) func(string) string {
	vars := map[string]string{"OLLAMA_HOST": "127.0.0.1:1"}
	for i := 0; i < len(pairs); i += 2 {
		vars[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return vars[name] }
}

func ollama(t *testing.T, body string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/tags" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestResolve(t *testing.T) {
	local := ollama(t, `{"models":[{"name":"qwen3:8b"},{"name":"other"}]}`)
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte("name: mine\nconversations: [{turns: [{text: hi}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	two := map[string][]provider.Choice{
		"pro":   {{Model: "anthropic/a", Effort: "high"}, {Model: "openai/vendor/b"}},
		"ultra": {{Model: "gemini/c"}},
	}
	keys := []string{"ANTHROPIC_API_KEY", "k", "OPENAI_API_KEY", "k", "GEMINI_API_KEY", "k"}
	for _, tt := range []struct {
		name   string
		config provider.Config
		env    []string
		want   string // core | pro | ultra
		err    string
	}{
		{"one for all", provider.Config{Model: "openai/gpt-5"}, keys, "openai/gpt-5 | openai/gpt-5 | openai/gpt-5", ""},
		{"one by environment", provider.Config{Tiers: two}, append(keys, "AUTONOMA_MODEL", "gemini/x"), "gemini/x | gemini/x | gemini/x", ""},
		{"tiers with fall-backs", provider.Config{Tiers: two}, keys, "anthropic/a high, openai/vendor/b | anthropic/a high, openai/vendor/b | gemini/c", ""},
		{"a script", provider.Config{Model: "script:" + file}, nil, "script/mine | script/mine | script/mine", ""},
		{"the built-in script", provider.Config{Model: "script", Script: &script.Script{Name: "demo"}}, nil, "script/demo | script/demo | script/demo", ""},
		{"a key of Anthropic first", provider.Config{}, keys, "anthropic/claude-sonnet-5-5 | anthropic/claude-opus-5-5 | anthropic/claude-opus-5-5 high", ""},
		{"a key of OpenAI", provider.Config{}, keys[2:], "openai/gpt-6.1-terra | openai/gpt-6.1-sol | openai/gpt-6.1-sol high", ""},
		{"a key of Gemini", provider.Config{}, keys[4:], "gemini/gemini-flash-latest | gemini/gemini-pro-latest | gemini/gemini-pro-latest high", ""},
		{"a local server", provider.Config{}, []string{"OLLAMA_HOST", local}, "ollama/qwen3:8b | ollama/qwen3:8b | ollama/qwen3:8b", ""},
		{"a base URL needs no key", provider.Config{Model: "openai/m"}, []string{"OPENAI_BASE_URL", local}, "openai/m | openai/m | openai/m", ""},
		{"nothing", provider.Config{}, nil, "", "ANTHROPIC_API_KEY"},
		{"a local server without models", provider.Config{}, []string{"OLLAMA_HOST", ollama(t, `{"models":[]}`)}, "", "no model found"},
		{"a local server of another kind", provider.Config{}, []string{"OLLAMA_HOST", ollama(t, `<html>`)}, "", "no model found"},
		{"no key", provider.Config{Model: "anthropic/a"}, nil, "", "set ANTHROPIC_API_KEY"},
		{"no built-in script", provider.Config{Model: "script"}, nil, "", "script:<file>"},
		{"no such file", provider.Config{Model: "script:/no/such/file"}, nil, "", "no such file"},
		{"no such provider", provider.Config{Model: "acme/a"}, nil, "", "one of the providers"},
		{"no name", provider.Config{Model: "anthropic"}, keys, "", "<provider>/<name>"},
		{"no such tier", provider.Config{Tiers: map[string][]provider.Choice{"mega": {{Model: "a/b"}}}}, nil, "", `"mega"`},
		{"an empty tier", provider.Config{Tiers: map[string][]provider.Choice{"pro": {}}}, nil, "", "has no models"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.LocalWait = time.Minute
			tiers, err := provider.Resolve(t.Context(), tt.config, env(tt.env...))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(tiers); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if _, err := provider.Resolve(t.Context(), provider.Config{}, env()); !errors.Is(err, provider.ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
}

func describe(t provider.Tiers) string {
	var tiers []string
	for _, tier := range []string{"core", "pro", "ultra"} {
		var models []string
		for _, i := range t.Infos(tier) {
			models = append(models, strings.TrimSpace(i.Provider+"/"+i.Name+" "+i.Effort))
		}
		tiers = append(tiers, strings.Join(models, ", "))
	}
	return strings.Join(tiers, " | ")
}

// TestModelsAnswer goes through each provider's protocol to a server that
// enforces it.
func TestModelsAnswer(t *testing.T) {
	s := modeltest.NewServer(t, "conversations: [{turns: [{text: hello, fail: [{status: 529}]}]}]")
	for name, vars := range map[string][]string{
		"anthropic/m":        {"ANTHROPIC_API_KEY", "k", "ANTHROPIC_BASE_URL", s.URL},
		"openai/m":           {"OPENAI_API_KEY", "k", "OPENAI_BASE_URL", s.OpenAIURL()},
		"openai-responses/m": {"OPENAI_API_KEY", "k", "OPENAI_BASE_URL", s.OpenAIURL() + "/"},
		"gemini/m":           {"GOOGLE_API_KEY", "k", "GEMINI_BASE_URL", s.OpenAIURL()},
	} {
		tiers, err := provider.Resolve(t.Context(), provider.Config{Model: name}, env(vars...))
		if err != nil {
			t.Fatal(err)
		}
		m, err := tiers.Model("pro", provider.Options{Retry: model.Policy{Base: time.Millisecond}})
		if err != nil {
			t.Fatal(err)
		}
		a, err := model.Collect(m.Turn(t.Context(), modeltest.Ask(name)), nil)
		if err != nil || a.Message.Text != "hello" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func TestFallback(t *testing.T) {
	play := func(name, fail string) model.Model {
		return script.New(modeltest.Script(t, "name: "+name+"\nconversations: [{turns: [{text: hello, fail: ["+fail+"]}]}]"))
	}
	for _, tt := range []struct {
		name   string
		first  string
		answer string
		err    model.Kind
	}{
		{"the first is well", "", "one", ""},
		{"wrong key", "{status: 401}", "two", ""},
		{"down", "{status: 529}", "two", ""},
		{"cut in the middle", "{cut: true}", "two", ""},
		{"no money", "{status: 402}", "two", ""},
		{"too long is nobody's fault", "{tooLong: true}", "", model.TooLong},
		{"refused is refused", "{refuse: true}", "", model.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := provider.Fallback(play("one", tt.first), play("two", ""))
			a, err := model.Collect(m.Turn(t.Context(), modeltest.Ask("x")), nil)
			if a.Model != tt.answer || model.KindOf(err) != tt.err {
				t.Errorf("%q answered, %v", a.Model, err)
			}
		})
	}
	m := provider.Fallback(play("one", "{status: 401}"), play("two", "{status: 529}"))
	if _, err := model.Collect(m.Turn(t.Context(), modeltest.Ask("x")), nil); model.KindOf(err) != model.Overloaded || !strings.Contains(err.Error(), "401") {
		t.Errorf("all down: %v", err)
	}
}

func TestLook(t *testing.T) {
	const secret = "sk-this-is-secret"
	local := ollama(t, `{"models":[{"name":"qwen3:8b"}]}`)
	found, err := provider.Look(t.Context(), provider.Config{LocalWait: time.Minute, Tiers: map[string][]provider.Choice{"core": {{Model: "gemini/x"}}}},
		env("OPENAI_API_KEY", secret, "OPENAI_BASE_URL", "http://proxy/v1", "OLLAMA_HOST", local))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range found {
		all = append(all, fmt.Sprintf("%s %v %s", f.Where, f.Found, f.Detail))
	}
	want := []string{
		"AUTONOMA_MODEL false not set",
		"models in the configuration true core: gemini/x (gemini/x needs a key: set GEMINI_API_KEY), pro: gemini/x (gemini/x needs a key: set GEMINI_API_KEY), ultra: gemini/x (gemini/x needs a key: set GEMINI_API_KEY)",
		"ANTHROPIC_API_KEY false not set",
		"OPENAI_API_KEY true set, with OPENAI_BASE_URL",
		"GEMINI_API_KEY or GOOGLE_API_KEY false not set",
		"Ollama on this machine true would use ollama/qwen3:8b",
	}
	if got := strings.Join(all, "\n"); got != strings.Join(want, "\n") || strings.Contains(got, secret) {
		t.Errorf("got\n%s", got)
	}
}

func TestPrices(t *testing.T) {
	override := filepath.Join(t.TempDir(), "models.json")
	err := os.WriteFile(override, []byte(`{"models":{"anthropic":{"mine":{"cost":{"input":1,"output":2,"cache_read":3,"cache_write":4},"limit":{"context":5,"output":6}}}}}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for name, known := range map[string]bool{
		"claude-opus-5-5":           true,
		"claude-haiku-4-5-20251001": true,
		"mine":                      true,
		"claude-of-tomorrow":        false,
	} {
		tiers, err := provider.Resolve(t.Context(), provider.Config{Model: "anthropic/" + name, Catalogue: override}, env("ANTHROPIC_API_KEY", "k"))
		if err != nil {
			t.Fatal(err)
		}
		i := tiers.Infos("core")[0]
		if i.Price.Known != known || (i.ContextTokens > 0) != known || (i.Price.Output > 0) != known {
			t.Errorf("%s: %+v", name, i)
		}
	}
	if err := os.WriteFile(override, []byte(`{"models":{"a":{"b":{"cost":{"input":-1}}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Resolve(t.Context(), provider.Config{Model: "script", Catalogue: override}, env()); err == nil {
		t.Error("a negative price is taken")
	}
}

func TestFallbackInfo(t *testing.T) {
	tiers, err := provider.Resolve(t.Context(), provider.Config{Tiers: map[string][]provider.Choice{
		"core": {{Model: "anthropic/claude-sonnet-5-5"}, {Model: "openai/gpt-5.4"}},
		"pro":  {{Model: "anthropic/claude-sonnet-5-5"}, {Model: "openai/nobody-knows"}},
	}}, env("ANTHROPIC_API_KEY", "k", "OPENAI_API_KEY", "k"))
	if err != nil {
		t.Fatal(err)
	}
	for tier, want := range map[string]model.Info{
		"core": {Provider: "anthropic", Name: "claude-sonnet-5-5", ContextTokens: 272_000, MaxOutputTokens: 128_000,
			Price: model.Price{Input: 2.5, Output: 15, CacheRead: 0.25, CacheWrite: 2.5, Known: true}},
		"pro": {Provider: "anthropic", Name: "claude-sonnet-5-5", ContextTokens: 1_000_000, MaxOutputTokens: 128_000,
			Price: model.Price{Input: 2, Output: 10, CacheRead: 0.2, CacheWrite: 2.5}},
	} {
		m, err := tiers.Model(tier, provider.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Info(); got != want {
			t.Errorf("%s: %+v, want %+v", tier, got, want)
		}
	}
	if _, err := tiers.Model("mega", provider.Options{}); err == nil {
		t.Error("there is a tier mega")
	}
}
