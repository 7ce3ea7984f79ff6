package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A Finding is one place where a model was looked for.
type Finding struct {
	Where  string // such as "ANTHROPIC_API_KEY"
	Found  bool
	Detail string // what was found, or what to do; never a key
}

// Look tells where models were looked for and what was found, in the order in
// which [Resolve] prefers them, for people who wonder which is used. Unlike
// Resolve it always asks for a local Ollama.
func Look(ctx context.Context, c Config, getenv func(string) string) ([]Finding, error) {
	f, err := newFinder(c, getenv)
	if err != nil {
		return nil, err
	}
	all := []Finding{f.lookAtModel(), f.lookAtTiers()}
	for _, p := range providers {
		if p.keyed() && p.name != "openai-responses" { // it shares openai's key
			all = append(all, f.lookAtKey(p))
		}
	}
	local := Finding{Where: "Ollama on this machine"}
	if name, err := f.localModel(ctx); err != nil {
		local.Detail = err.Error()
	} else {
		local.Found, local.Detail = true, "would use ollama/"+name
	}
	return append(all, local), nil
}

// Keys returns the keys of providers that are there, by the variables that hold them,
// for whoever keeps them out of other places.
func Keys(getenv func(string) string) map[string]string {
	all := map[string]string{}
	for _, p := range providers {
		for _, name := range p.keys {
			if v := strings.TrimSpace(getenv(name)); v != "" {
				all[name] = v
			}
		}
	}
	return all
}

func (f *finder) lookAtModel() Finding {
	one := f.Model
	if one == "" {
		one = f.getenv("AUTONOMA_MODEL")
	}
	finding := Finding{Where: "AUTONOMA_MODEL", Found: one != "", Detail: "not set"}
	if one == "" {
		return finding
	}
	finding.Detail = one + " for all tiers"
	if _, err := f.open(Choice{Model: one}); err != nil {
		finding.Detail = err.Error()
	}
	return finding
}

func (f *finder) lookAtTiers() Finding {
	finding := Finding{Where: "models in the configuration", Found: len(f.Tiers) > 0, Detail: "none"}
	if len(f.Tiers) == 0 {
		return finding
	}
	tiers, err := fill(f.Tiers)
	if err != nil {
		finding.Detail = err.Error()
		return finding
	}
	var parts []string
	for _, tier := range tierNames {
		for _, c := range tiers[tier] {
			part := tier + ": " + strings.TrimSpace(c.Model+" "+c.Effort)
			if _, err := f.open(c); err != nil {
				part += " (" + err.Error() + ")"
			}
			parts = append(parts, part)
		}
	}
	finding.Detail = strings.Join(parts, ", ")
	return finding
}

func (f *finder) lookAtKey(p provider) Finding {
	finding := Finding{Where: strings.Join(p.keys, " or "), Found: f.key(p) != "", Detail: "not set"}
	if !finding.Found {
		if f.baseURL(p) != "" && p.keyless {
			finding.Detail = "not set; " + p.base + " is: choose a model there with AUTONOMA_MODEL=" + p.name + "/<name>"
		}
		return finding
	}
	finding.Detail = "set"
	if f.baseURL(p) != "" {
		finding.Detail += ", with " + p.base
	}
	return finding
}

// localWait is how long a local server may take to answer; one that runs needs
// a few milliseconds.
const localWait = 100 * time.Millisecond

// localModel asks an Ollama for its models and returns the first, which is the
// one that was changed last. Only loopback is asked.
func (f *finder) localModel(ctx context.Context) (string, error) {
	p, _ := providerNamed("ollama")
	base := p.fallback
	if own := f.baseURL(p); own != "" {
		base = own
	}
	base = ollamaURL(base)
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.LocalWait, localWait))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/tags", nil)
	if err != nil {
		return "", errors.New("OLLAMA_HOST is not an address")
	}
	if host := req.URL.Hostname(); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return "", errors.New("OLLAMA_HOST is not on this machine: choose a model there with AUTONOMA_MODEL=ollama/<name>")
	}
	resp, err := f.HTTP.Do(req)
	if err != nil {
		return "", errors.New("does not answer at " + req.URL.Host)
	}
	defer resp.Body.Close()
	var tags struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&tags); err != nil || resp.StatusCode != http.StatusOK {
		return "", errors.New("what answers at " + req.URL.Host + " is not Ollama")
	}
	if len(tags.Models) == 0 || tags.Models[0].Name == "" {
		return "", errors.New("no model in Ollama: pull one with ollama pull <name>")
	}
	return tags.Models[0].Name, nil
}

// ollamaURL completes what OLLAMA_HOST may leave out, as Ollama does: the
// scheme and the port. 0.0.0.0 is where to listen, not where to ask.
func ollamaURL(host string) string {
	if !strings.Contains(host, "://") {
		host = "http://" + host
	}
	host = strings.TrimRight(host, "/")
	scheme, rest, _ := strings.Cut(host, "://")
	if _, _, err := net.SplitHostPort(rest); err != nil && scheme == "http" {
		rest += ":11434"
	}
	rest = strings.Replace(rest, "0.0.0.0:", "127.0.0.1:", 1)
	return scheme + "://" + rest
}
