package simulator

import "strings"

// person is somebody at Acme, by position in the list below.
type person struct {
	number                  int
	name, login, department string
}

func (p person) identity() Identity {
	return Identity{ID: ID("identity", p.login), Name: p.name, Email: p.login + "@acme.example"}
}

// managers and owners are the reviewers: the first seven people lead the seven
// departments, the next four own the four sources.
const (
	managers = 7
	owners   = 4
)

func sourceOwner(source int) person { return people()[managers+source] }

// people is everybody at Acme. A department's staff names it; its manager is the
// one of the first seven with the same department.
func people() []person {
	const list = `
Hannah Weber|hannah.weber|Finance
Marcus Adeyemi|marcus.adeyemi|Sales
Noémie Lefèvre|noemie.lefevre|Human Resources
Søren Østergaard|soren.ostergaard|IT Operations
Priya Raghunathan|priya.raghunathan|Procurement
Tomás Núñez|tomas.nunez|Customer Service
Ioana Ștefănescu|ioana.stefanescu|Controlling
Jürgen Müller|juergen.mueller|IT Operations
Katarzyna Wójcik|katarzyna.wojcik|Finance
Devon Clarke|devon.clarke|Sales
Aiko Watanabe|aiko.watanabe|Human Resources
Oliver Bennett|oliver.bennett|Finance
Zoë Lindqvist|zoe.lindqvist|Finance
Rafael Moreira|rafael.moreira|Finance
Claire Dubois|claire.dubois|Finance
Ahmed El-Sayed|ahmed.el-sayed|Finance
Greta Hoffmann|greta.hoffmann|Finance
Liam O'Connor|liam.oconnor|Sales
Sofia Rossi|sofia.rossi|Sales
Daniel Kim|daniel.kim|Sales
Isabella Fernández|isabella.fernandez|Sales
Yusuf Demir|yusuf.demir|Sales
Emma Johansson|emma.johansson|Sales
Chloé Martin|chloe.martin|Human Resources
Peter Novák|peter.novak|Human Resources
Fatima Zahra Benali|fatima.benali|Human Resources
Lukas Schneider|lukas.schneider|Human Resources
Grace Mwangi|grace.mwangi|Human Resources
Igor Petrović|igor.petrovic|IT Operations
Mei-Ling Chen|mei-ling.chen|IT Operations
Björn Ågren|bjoern.agren|IT Operations
Samuel Okafor|samuel.okafor|IT Operations
Anneke de Vries|anneke.devries|IT Operations
Vikram Patel|vikram.patel|IT Operations
Laura Jiménez|laura.jimenez|Procurement
Tobias Krüger|tobias.krueger|Procurement
Nguyễn Thị Mai|mai.nguyen|Procurement
Ewan MacLeod|ewan.macleod|Procurement
Beatriz Almeida|beatriz.almeida|Procurement
Hamza Qureshi|hamza.qureshi|Customer Service
Julia Wagner|julia.wagner|Customer Service
Mateo Silva|mateo.silva|Customer Service
Freja Nielsen|freja.nielsen|Customer Service
Kwame Boateng|kwame.boateng|Customer Service
Ana Kovačić|ana.kovacic|Customer Service
Paul Fischer|paul.fischer|Customer Service
Elif Yıldız|elif.yildiz|Controlling
George Papadopoulos|george.papadopoulos|Controlling
Marie-Ève Tremblay|marie-eve.tremblay|Controlling
Stefan Ionescu|stefan.ionescu|Controlling
Charlotte Evans|charlotte.evans|Controlling
Andrés Castillo|andres.castillo|Controlling`
	var all []person
	for line := range strings.SplitSeq(strings.TrimSpace(list), "\n") {
		part := strings.Split(line, "|")
		all = append(all, person{number: len(all), name: part[0], login: part[1], department: part[2]})
	}
	return all
}

// staff is who a manager reviews: the department without the manager.
func staff(manager person) []person {
	var all []person
	for _, p := range people() {
		if p.department == manager.department && p.number != manager.number {
			all = append(all, p)
		}
	}
	return all
}
