package deps

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The parts of a bill of materials, in the form of CycloneDX 1.6
// (https://cyclonedx.org/docs/1.6/json/).
type bom struct {
	Schema       string      `json:"$schema"`
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     bomMetadata `json:"metadata"`
	Components   []component `json:"components"`
}

type bomMetadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SBOM returns the bill of materials of a subject in CycloneDX 1.6 JSON. It is the same
// for the same set, subject and time.
func SBOM(set Set, subject string, at time.Time) ([]byte, error) {
	b := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata:   bomMetadata{at.UTC().Format(time.RFC3339), component{Type: "application", Ref: "subject", Name: subject}},
		Components: []component{},
	}
	seen := map[string]bool{}
	for _, d := range set.Deps {
		purl := PURL(d)
		if seen[purl] {
			continue
		}
		seen[purl] = true
		b.Components = append(b.Components, component{Type: "library", Ref: purl, Name: d.Name, Version: d.Version, PURL: purl,
			Properties: []property{{"autonoma:file", d.File}, {"autonoma:direct", fmt.Sprint(d.Direct)}}})
	}
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	sum := sha256.Sum256(text)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8, which is our own
	b.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	return json.MarshalIndent(b, "", "  ")
}

// PURL returns the package URL of a dependency
// (https://github.com/package-url/purl-spec).
func PURL(d Dep) string {
	kind, name := map[string]string{Go: "golang", NPM: "npm", PyPI: "pypi", Crates: "cargo", Maven: "maven", RubyGems: "gem", Packagist: "composer"}[d.Ecosystem], d.Name
	switch d.Ecosystem {
	case Go:
		name = strings.ToLower(name)
	case Maven:
		name = strings.Replace(name, ":", "/", 1)
	}
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = percent(s)
	}
	purl := "pkg:" + kind + "/" + strings.Join(segments, "/")
	if d.Version != "" {
		purl += "@" + percent(d.Version)
	}
	return purl
}

// percent encodes all but what a package URL leaves as it is.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || strings.IndexByte("-._~:", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
