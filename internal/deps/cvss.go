package deps

import (
	"math"
	"strings"
)

// cvss3 returns the base score of a vector of CVSS 3.0 or 3.1, by the equations of
// section 7.1 of its specification (https://www.first.org/cvss/v3.1/specification-document).
func cvss3(vector string) (score float64, ok bool) {
	metrics := strings.Split(vector, "/")
	if !strings.HasPrefix(metrics[0], "CVSS:3.") {
		return 0, false
	}
	m := map[string]string{}
	for _, metric := range metrics[1:] {
		name, value, _ := strings.Cut(metric, ":")
		m[name] = value
	}
	changed := m["S"] == "C"
	privileges := map[string]float64{"N": 0.85, "L": 0.62, "H": 0.27}
	if changed {
		privileges = map[string]float64{"N": 0.85, "L": 0.68, "H": 0.5}
	}
	impacts := map[string]float64{"H": 0.56, "L": 0.22, "N": 0}
	ok = m["S"] == "U" || changed
	weigh := func(name string, weights map[string]float64) float64 {
		w, known := weights[m[name]]
		ok = ok && known
		return w
	}
	exploitability := 8.22 *
		weigh("AV", map[string]float64{"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}) *
		weigh("AC", map[string]float64{"L": 0.77, "H": 0.44}) *
		weigh("PR", privileges) *
		weigh("UI", map[string]float64{"N": 0.85, "R": 0.62})
	iss := 1 - (1-weigh("C", impacts))*(1-weigh("I", impacts))*(1-weigh("A", impacts))
	impact := 6.42 * iss
	if changed {
		impact = 7.52*(iss-0.029) - 3.25*math.Pow(iss-0.02, 15)
	}
	if !ok || impact <= 0 {
		return 0, ok
	}
	score = impact + exploitability
	if changed {
		score *= 1.08
	}
	return math.Ceil(math.Min(score, 10)*10-1e-9) / 10, true
}
