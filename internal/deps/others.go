package deps

import (
	"encoding/json"
	"encoding/xml"
	"regexp"
	"strings"
)

// pom reads the dependencies of a project of Maven, with properties of its own filled in
// (https://maven.apache.org/pom.html). What a parent decides is not known.
func pom(s *Set, file string, text []byte) error {
	type dependency struct {
		Group    string `xml:"groupId"`
		Artifact string `xml:"artifactId"`
		Version  string `xml:"version"`
	}
	var doc struct {
		Version      string       `xml:"version"`
		Dependencies []dependency `xml:"dependencies>dependency"`
		Managed      []dependency `xml:"dependencyManagement>dependencies>dependency"`
		Properties   struct {
			All []struct {
				XMLName xml.Name
				Value   string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"properties"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		return err
	}
	pairs := []string{"${project.version}", doc.Version}
	for _, p := range doc.Properties.All {
		pairs = append(pairs, "${"+p.XMLName.Local+"}", strings.TrimSpace(p.Value))
	}
	fill := strings.NewReplacer(pairs...)
	managed := map[string]string{}
	for _, d := range doc.Managed {
		managed[d.Group+":"+d.Artifact] = d.Version
	}
	var wants []want
	for _, d := range append(doc.Dependencies, doc.Managed...) {
		w := want{name: fill.Replace(strings.TrimSpace(d.Group) + ":" + strings.TrimSpace(d.Artifact))}
		if d.Version == "" {
			d.Version = managed[d.Group+":"+d.Artifact]
		}
		w.spec = fill.Replace(strings.TrimSpace(d.Version))
		if jvmVersion.MatchString(w.spec) {
			w.version = w.spec
		}
		wants = append(wants, w)
	}
	s.manifest(file, Maven, wants)
	return nil
}

var (
	jvmVersion = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]*$`)
	gradleLine = regexp.MustCompile(`(?m)^\s*(?:implementation|api|compileOnly|runtimeOnly|testImplementation|testRuntimeOnly|testCompileOnly|annotationProcessor|kapt|ksp|compile|testCompile|classpath)\b[\s(]*(?:platform|enforcedPlatform)?[\s(]*["']([\w.-]+):([\w.-]+)(?::([^"'@:]*))?[^"']*["']`)
)

// gradle reads coordinates in quotes, group:artifact:version. Catalogues and variables
// are not followed.
func gradle(s *Set, file string, text []byte) error {
	var wants []want
	for _, m := range gradleLine.FindAllStringSubmatch(string(text), maxDeps) {
		w := want{name: m[1] + ":" + m[2], spec: m[3]}
		if jvmVersion.MatchString(m[3]) && !strings.HasPrefix(m[3], "latest") {
			w.version = m[3]
		}
		wants = append(wants, w)
	}
	s.manifest(file, Maven, wants)
	return nil
}

var gemLine = regexp.MustCompile(`(?m)^\s*gem\s*\(?\s*["']([\w.-]+)["']([^\n]*)`)

// gemfile reads the lines that name a gem; the rest of the file is a program.
func gemfile(s *Set, file string, text []byte) error {
	var wants []want
	for _, m := range gemLine.FindAllStringSubmatch(string(text), maxDeps) {
		w := want{name: m[1], spec: strings.Trim(m[2], ", \t\r")}
		if v := strings.Trim(w.spec, `"'`); exact.MatchString(v) {
			w.version = strings.TrimLeft(v, "= ")
		}
		if at := regexp.MustCompile(`\b(?:git|github):?\s*(?:=>)?\s*["']([^"']+)`).FindStringSubmatch(m[2]); at != nil {
			w.remote(at[1] + refOf(m[2]))
		} else if at := regexp.MustCompile(`\bpath:?\s*(?:=>)?\s*["']([^"']+)`).FindStringSubmatch(m[2]); at != nil {
			w.local(file, at[1])
		}
		wants = append(wants, w)
	}
	s.manifest(file, RubyGems, wants)
	return nil
}

// refOf returns the commit that a line of a Gemfile names, as the end of a URL.
func refOf(line string) string {
	if m := regexp.MustCompile(`["']([0-9a-f]{40})["']`).FindStringSubmatch(line); m != nil {
		return "#" + m[1]
	}
	return ""
}

var gemSpec = regexp.MustCompile(`^ {4}([\w.-]+) \(([^()\s]+)\)$`)

// gemfileLock reads the specs of Gemfile.lock: four spaces, name and version.
func gemfileLock(s *Set, file string, text []byte) error {
	var pins []pin
	for line := range strings.Lines(string(text)) {
		if m := gemSpec.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil {
			pins = append(pins, pin{m[1], m[2]})
		}
	}
	s.lock(file, RubyGems, pins)
	return nil
}

// composerJSON reads what a package of PHP requires, but for PHP itself.
func composerJSON(s *Set, file string, text []byte) error {
	var doc struct {
		Require map[string]string
		Dev     map[string]string `json:"require-dev"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	var wants []want
	for _, named := range []map[string]string{doc.Require, doc.Dev} {
		for _, name := range sortedKeys(named) {
			if !strings.Contains(name, "/") {
				continue // php, ext-json
			}
			w := want{name: name, spec: named[name]}
			if exact.MatchString(w.spec) {
				w.version = strings.TrimLeft(w.spec, "= v")
			}
			wants = append(wants, w)
		}
	}
	s.manifest(file, Packagist, wants)
	return nil
}

func composerLock(s *Set, file string, text []byte) error {
	type entry struct{ Name, Version string }
	var doc struct {
		Packages []entry
		Dev      []entry `json:"packages-dev"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	var pins []pin
	for _, e := range append(doc.Packages, doc.Dev...) {
		pins = append(pins, pin{e.Name, strings.TrimPrefix(e.Version, "v")})
	}
	s.lock(file, Packagist, pins)
	return nil
}
