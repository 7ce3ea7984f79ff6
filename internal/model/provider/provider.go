// Package provider finds models and makes them ready for use.
//
// Which model thinks at which tier is said by AUTONOMA_MODEL (one for all), by
// the configuration (an ordered list for each tier, the later ones to fall back
// on), or else follows from the usual environment variables of the providers;
// [Resolve] decides. What comes out of [Tiers.Model] retries, gives up on a
// model that stalls, and falls back.
//
// The package knows names, keys, base URLs and prices (models.json, which is
// embedded and carries its date). It knows no protocol. It asks no provider
// anything, save a local Ollama for the names of its models, and that only when
// nothing else was configured.
package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"autonoma/internal/model"
	"autonoma/internal/model/anthropic"
	"autonoma/internal/model/openai"
	"autonoma/internal/model/script"
	"autonoma/internal/model/wire"
)

// ErrNone says that there is no model to think with, and what to do about it.
var ErrNone = errors.New("no model found: set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, " +
	"or start Ollama on this machine, or choose one with AUTONOMA_MODEL=anthropic/<name>, openai/<name>, " +
	"openai-responses/<name>, gemini/<name>, ollama/<name> or script:<file>")

// Config is what the user has configured about models. All of it may be empty.
type Config struct {
	// Model is one model for all tiers, such as "anthropic/claude-opus-5-5". It
	// wins over all else. If it is empty, AUTONOMA_MODEL is looked at.
	Model string
	// Tiers maps core, pro and ultra to models, the best first. A tier that is
	// missing uses the one below, or else the one above.
	Tiers map[string][]Choice
	// Catalogue is a file of the form of models.json that adds to it and
	// overrides it. Empty: none.
	Catalogue string
	// Script is what the model "script" plays.
	Script *script.Script

	HTTP *http.Client  // default: wire.NewHTTP
	Idle time.Duration // default: wire.DefaultIdle
	// LocalWait is how long a local Ollama may take to answer. Default: 100 ms.
	LocalWait time.Duration
}

// A Choice is one model and how hard it is to think.
type Choice struct {
	Model  string `json:"model" yaml:"model"` // "<provider>/<name>"
	Effort string `json:"effort,omitempty" yaml:"effort"`
}

// Resolve finds the models for all tiers. Keys, base URLs and AUTONOMA_MODEL are
// read through getenv. If there is no model at all, the error is [ErrNone]; if
// one was named that cannot be used, it says what is missing.
func Resolve(ctx context.Context, c Config, getenv func(string) string) (Tiers, error) {
	f, err := newFinder(c, getenv)
	if err != nil {
		return Tiers{}, err
	}
	choices, err := f.choose(ctx)
	if err != nil {
		return Tiers{}, err
	}
	tiers := Tiers{byName: map[string][]model.Model{}}
	for tier, list := range choices {
		for _, choice := range list {
			m, err := f.open(choice)
			if err != nil {
				return Tiers{}, fmt.Errorf("model for %s: %w", tier, err)
			}
			tiers.byName[tier] = append(tiers.byName[tier], m)
		}
	}
	return tiers, nil
}

// finder has all that is needed to find models.
type finder struct {
	Config
	getenv    func(string) string
	catalogue catalogue
}

func newFinder(c Config, getenv func(string) string) (*finder, error) {
	cat, err := loadCatalogue(c.Catalogue)
	if err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		c.HTTP = wire.NewHTTP() // one for all, so that connections are shared
	}
	return &finder{c, getenv, cat}, nil
}

// choose decides which models serve which tiers.
func (f *finder) choose(ctx context.Context) (map[string][]Choice, error) {
	one := f.Model
	if one == "" {
		one = f.getenv("AUTONOMA_MODEL")
	}
	if one != "" {
		return allTiers([]Choice{{Model: one}}), nil
	}
	if len(f.Tiers) > 0 {
		return fill(f.Tiers)
	}
	for _, p := range providers {
		if p.keyed() && f.key(p) != "" {
			return f.defaults(p), nil
		}
	}
	if name, err := f.localModel(ctx); err == nil {
		return allTiers([]Choice{{Model: "ollama/" + name}}), nil
	}
	return nil, ErrNone
}

// defaults are the models of a provider for somebody who only has a key. At
// another base URL than OpenAI's own, only Chat Completions can be counted on.
func (f *finder) defaults(p provider) map[string][]Choice {
	tiers := map[string][]Choice{}
	for tier, list := range f.catalogue.Defaults[p.name] {
		for _, c := range list {
			if name, ok := strings.CutPrefix(c.Model, "openai-responses/"); ok && f.baseURL(p) != "" {
				c.Model = "openai/" + name
			}
			tiers[tier] = append(tiers[tier], c)
		}
	}
	return tiers
}

// open makes a model of a choice.
func (f *finder) open(c Choice) (model.Model, error) {
	if file, ok := strings.CutPrefix(c.Model, "script:"); ok {
		s, err := script.Load(file)
		if err != nil {
			return nil, err
		}
		return script.New(s), nil
	}
	if c.Model == "script" {
		if f.Script == nil {
			return nil, errors.New("there is no built-in script here: name a file with script:<file>")
		}
		return script.New(f.Script), nil
	}
	name, rest, _ := strings.Cut(c.Model, "/")
	p, ok := providerNamed(name)
	if !ok || rest == "" {
		return nil, fmt.Errorf("%q is not <provider>/<name> with one of the providers %s", c.Model, providerNames())
	}
	if p.keyed() && f.key(p) == "" && (f.baseURL(p) == "" || !p.keyless) {
		return nil, fmt.Errorf("%s needs a key: set %s", c.Model, p.keys[0])
	}
	return p.new(f.wireConfig(p, rest, c.Effort)), nil
}

func (f *finder) wireConfig(p provider, name, effort string) wire.Config {
	known := f.catalogue.model(p.family, name)
	return wire.Config{
		Info: model.Info{
			Provider:        p.family,
			Name:            name,
			Effort:          effort,
			ContextTokens:   known.Limit.Context,
			MaxOutputTokens: known.Limit.Output,
			Price:           known.price(),
		},
		BaseURL:  f.endpoint(p),
		Key:      f.key(p),
		HTTP:     f.HTTP,
		Idle:     f.Idle,
		Thinking: known.Thinking,
	}
}

// A provider is somebody who serves models.
type provider struct {
	name     string // in "<provider>/<name>"
	family   string // in prices and errors
	keys     []string
	base     string // the environment variable of its base URL
	fallback string // its base URL, if the protocol's own does not do
	keyless  bool   // at a base URL of one's own it may do without a key
	new      func(wire.Config) model.Model
}

func (p provider) keyed() bool { return len(p.keys) > 0 }

// providers are all that are known, in the order in which keys are looked for.
var providers = []provider{
	{name: "anthropic", family: "anthropic", keys: []string{"ANTHROPIC_API_KEY"}, base: "ANTHROPIC_BASE_URL", new: anthropic.New},
	{name: "openai", family: "openai", keys: []string{"OPENAI_API_KEY"}, base: "OPENAI_BASE_URL", keyless: true, new: openai.NewChat},
	{name: "openai-responses", family: "openai", keys: []string{"OPENAI_API_KEY"}, base: "OPENAI_BASE_URL", keyless: true, new: openai.NewResponses},
	{name: "gemini", family: "gemini", keys: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, base: "GEMINI_BASE_URL",
		fallback: "https://generativelanguage.googleapis.com/v1beta/openai", new: openai.NewChat},
	{name: "ollama", family: "ollama", base: "OLLAMA_HOST", fallback: "http://127.0.0.1:11434", new: openai.NewChat},
}

func providerNamed(name string) (provider, bool) {
	for _, p := range providers {
		if p.name == name {
			return p, true
		}
	}
	return provider{}, false
}

func providerNames() string {
	var names []string
	for _, p := range providers {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

func (f *finder) key(p provider) wire.Key {
	for _, name := range p.keys {
		if v := strings.TrimSpace(f.getenv(name)); v != "" {
			return wire.Key(v)
		}
	}
	return ""
}

func (f *finder) baseURL(p provider) string { return strings.TrimSpace(f.getenv(p.base)) }

// endpoint is the base URL that a wire gets; empty means its own default.
func (f *finder) endpoint(p provider) string {
	base := f.baseURL(p)
	if base == "" {
		base = p.fallback
	}
	if p.name == "ollama" {
		base = ollamaURL(base) + "/v1"
	}
	return base
}
