package deps

import (
	"cmp"
	"slices"
	"strings"

	"autonoma"
)

// A record is the part of an advisory of OSV that is used.
type record struct {
	ID, Summary, Details, Withdrawn string
	Severity                        []severity
	Affected                        []affected
	Specific                        struct{ Severity any } `json:"database_specific"`
}

type severity struct{ Type, Score string }

type affected struct {
	Package  struct{ Ecosystem, Name string }
	Severity []severity
	Ranges   []versionRange
	Versions []string
}

type versionRange struct {
	Type   string
	Events []event
}

// An event is the version from which on something holds: one of its fields is set.
type event struct {
	Introduced, Fixed string
	LastAffected      string `json:"last_affected"`
}

// ecosystem returns the ecosystem without what may follow a colon.
func (a affected) ecosystem() string {
	name, _, _ := strings.Cut(a.Package.Ecosystem, ":")
	return name
}

// match returns the advisory if it is about a dependency.
func (r record) match(d Dep) (Advisory, bool) {
	if r.Withdrawn != "" {
		return Advisory{}, false
	}
	for _, a := range r.Affected {
		if a.ecosystem() != d.Ecosystem || canonical(d.Ecosystem, a.Package.Name) != d.Name {
			continue
		}
		fixed, hit := a.hit(d)
		if !hit {
			continue
		}
		summary, _, _ := strings.Cut(strings.TrimSpace(cmp.Or(r.Summary, r.Details)), "\n")
		return Advisory{ID: r.ID, Summary: strings.ToValidUTF8(summary[:min(len(summary), 200)], ""), Fixed: fixed, Risk: r.risk(a)}, true
	}
	return Advisory{}, false
}

// hit reports whether a version is affected, and by which one it is fixed. Ranges of
// commits are not looked at: they come with the versions.
func (a affected) hit(d Dep) (fixed string, hit bool) {
	version := strings.TrimPrefix(d.Version, "v")
	for _, v := range a.Versions {
		if strings.TrimPrefix(v, "v") == version || compareVersions(d.Ecosystem, v, version) == 0 {
			hit = true
		}
	}
	for _, r := range a.Ranges {
		if r.Type == "GIT" {
			continue
		}
		next, in := r.holds(d.Ecosystem, version)
		hit = hit || in
		if next != "" && (fixed == "" || compareVersions(d.Ecosystem, next, fixed) < 0) {
			fixed = next
		}
	}
	return fixed, hit
}

// holds goes through the events of a range in order of their versions, as the schema
// says, and returns the first fix after the version too. An introduced of 0 is before
// all versions.
func (r versionRange) holds(ecosystem, version string) (next string, in bool) {
	events := slices.Clone(r.Events)
	slices.SortStableFunc(events, func(a, b event) int {
		switch {
		case a.Introduced == "0" || b.Introduced == "0":
			return compareBools(b.Introduced == "0", a.Introduced == "0")
		}
		return compareVersions(ecosystem, a.version(), b.version())
	})
	for _, e := range events {
		order := compareVersions(ecosystem, e.version(), version)
		switch {
		case e.Introduced == "0", e.Introduced != "" && order <= 0:
			in = true
		case e.Fixed != "" && order <= 0, e.LastAffected != "" && order < 0:
			in = false
		case e.Fixed != "" && next == "":
			next = e.Fixed
		}
	}
	return next, in
}

func (e event) version() string {
	return cmp.Or(e.Introduced, e.Fixed, e.LastAffected)
}

// risk returns how bad it is: malware is critical, then what the database says, then
// what a vector of CVSS 3 comes to. What nobody has rated is taken for high.
func (r record) risk(a affected) autonoma.Risk {
	if strings.HasPrefix(r.ID, "MAL-") {
		return autonoma.CriticalRisk
	}
	if word, ok := r.Specific.Severity.(string); ok {
		switch strings.ToUpper(word) {
		case "LOW":
			return autonoma.LowRisk
		case "MODERATE", "MEDIUM":
			return autonoma.MediumRisk
		case "HIGH":
			return autonoma.HighRisk
		case "CRITICAL":
			return autonoma.CriticalRisk
		}
	}
	for _, s := range append(slices.Clone(a.Severity), r.Severity...) {
		score, ok := cvss3(s.Score)
		switch {
		case !ok || s.Type != "CVSS_V3":
		case score >= 9:
			return autonoma.CriticalRisk
		case score >= 7:
			return autonoma.HighRisk
		case score >= 4:
			return autonoma.MediumRisk
		default:
			return autonoma.LowRisk
		}
	}
	return autonoma.HighRisk
}
