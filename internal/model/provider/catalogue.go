package provider

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"

	"autonoma/internal/model"
)

//go:embed models.json
var embedded []byte

// catalogue is what is known of models. Its form is that of models.json; the
// names of fields are those that models.dev uses.
type catalogue struct {
	About    string                           `json:"about"`
	Date     string                           `json:"date"` // of the prices
	Defaults map[string]map[string][]Choice   `json:"defaults"`
	Models   map[string]map[string]knownModel `json:"models"` // by provider and name
}

type knownModel struct {
	Limit struct {
		Context int `json:"context"`
		Output  int `json:"output"`
	} `json:"limit"`
	Cost *struct {
		Input      float64 `json:"input"`
		Output     float64 `json:"output"`
		CacheRead  float64 `json:"cache_read"`
		CacheWrite float64 `json:"cache_write"`
	} `json:"cost"` // missing: not known
	Thinking string `json:"thinking"` // how an effort is asked for, see wire.Config
}

// loadCatalogue reads the embedded catalogue and, if a file is named, what it
// changes.
func loadCatalogue(override string) (catalogue, error) {
	c, err := parseCatalogue(embedded)
	if err != nil {
		return c, fmt.Errorf("models.json: %w", err)
	}
	if override == "" {
		return c, nil
	}
	b, err := os.ReadFile(override)
	if err != nil {
		return c, fmt.Errorf("read list of models: %w", err)
	}
	o, err := parseCatalogue(b)
	if err != nil {
		return c, fmt.Errorf("list of models %s: %w", override, err)
	}
	if o.Date != "" {
		c.Date = o.Date
	}
	maps.Copy(c.Defaults, o.Defaults)
	for provider, models := range o.Models {
		if c.Models[provider] == nil {
			c.Models[provider] = map[string]knownModel{}
		}
		maps.Copy(c.Models[provider], models)
	}
	return c, nil
}

// PricesOf returns the date of the prices that costs are counted by.
func PricesOf(c Config) (string, error) {
	all, err := loadCatalogue(c.Catalogue)
	return all.Date, err
}

func parseCatalogue(b []byte) (c catalogue, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	for provider, models := range c.Models {
		for name, m := range models {
			if p := m.price(); min(p.Input, p.Output, p.CacheRead, p.CacheWrite) < 0 {
				return c, fmt.Errorf("%s/%s: a price is negative", provider, name)
			}
		}
	}
	return c, nil
}

// dated is the end of a name that fixes a version of a model.
var dated = regexp.MustCompile(`-(\d{8}|\d{4}-\d{2}-\d{2})$`)

// model returns what is known of a model. A dated version is like the model it
// is a version of.
func (c catalogue) model(provider, name string) knownModel {
	if m, ok := c.Models[provider][name]; ok {
		return m
	}
	return c.Models[provider][dated.ReplaceAllString(name, "")]
}

func (m knownModel) price() model.Price {
	if m.Cost == nil {
		return model.Price{}
	}
	return model.Price{
		Input: m.Cost.Input, Output: m.Cost.Output,
		CacheRead: m.Cost.CacheRead, CacheWrite: m.Cost.CacheWrite,
		Known: true,
	}
}
