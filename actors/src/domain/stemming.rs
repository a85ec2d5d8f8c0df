//! Singular and plural of one word, in French and English.
//!
//! Words are folded ([`super::folding`]): upper case, no accents. A stemmer that cuts every final S and X makes *prix* and
//! *pris*, *mois* and *moi*, *peux* and *peu* one word, and answers a price to "C'est bien pris en compte ?". This one cuts
//! only what marks a plural, and knows the words whose S or X belongs to them.

mod tables;

use std::borrow::Cow;

use self::tables::{
    AIL_PLURALS, AU_PLURALS, ES_PLURALS, EUX_PLURALS, IES_PLURALS, KEEP_S, KEEP_X, OUX_PLURALS, US_PLURALS,
};

/// The form under which singular and plural of a folded word are compared. A word that is no plural is its own.
#[must_use]
pub fn stem(word: &str) -> Cow<'_, str> {
    let own = Cow::Borrowed(word);
    if word.len() <= 3 || !word.is_ascii() {
        return own;
    }
    if let Some(rest) = word.strip_suffix('X') {
        return stem_x(word, rest);
    }
    let Some(rest) = word.strip_suffix('S') else { return own };
    let keeps = rest.ends_with(['S', 'U']) && !is_plural_in_us(word) || is_in(KEEP_S, word);
    if keeps {
        return own;
    }
    match rest {
        // English: boxes, brushes, classes, watches; a French plural in -ES loses the S alone (adresses, taxes, affiches).
        _ if rest.ends_with("IE") && rest.len() > 4 && is_in(IES_PLURALS, word) => {
            Cow::Owned(format!("{}Y", &rest[..rest.len() - 2]))
        }
        _ if is_in(ES_PLURALS, word) => Cow::Borrowed(&rest[..rest.len() - 1]),
        _ => Cow::Borrowed(rest),
    }
}

fn stem_x<'a>(word: &'a str, rest: &'a str) -> Cow<'a, str> {
    let own = Cow::Borrowed(word);
    if is_in(KEEP_X, word) {
        return own;
    }
    if rest.ends_with("EAU") || is_in(AU_PLURALS, word) || is_in(OUX_PLURALS, word) {
        return Cow::Borrowed(rest);
    }
    // Chevaux, locaux: their singular ends in -AL, of a few (travaux) in -AIL.
    if is_in(AIL_PLURALS, word) {
        return Cow::Owned(format!("{}IL", &rest[..rest.len() - 1]));
    }
    if rest.ends_with("AU") {
        return Cow::Owned(format!("{}L", &rest[..rest.len() - 1]));
    }
    // Cheveux, jeux, feux, lieux, neveux are plurals; adjectives in -EUX are not, and are longer.
    if is_in(EUX_PLURALS, word) {
        return Cow::Borrowed(rest);
    }
    own
}

/// Plurals of words in -U, whose singular is common enough in messages: menus, refus is none.
fn is_plural_in_us(word: &str) -> bool {
    is_in(US_PLURALS, word)
}

fn is_in(sorted: &[&str], word: &str) -> bool {
    sorted.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::folding::fold;

    /// Pairs that a speaker takes for one word.
    const MEET: &str = "
        horaire horaires; tarif tarifs; ongle ongles; soin soins; rendezvous rendezvous; manucure manucures; coupe coupes;
        tresse tresses; perruque perruques; massage massages; visage visages; prestation prestations; service services;
        produit produits; article articles; commande commandes; livraison livraisons; colis colis; taille tailles;
        couleur couleurs; robe robes; chaussure chaussures; sac sacs; bijou bijoux; cheveu cheveux; genou genoux;
        chou choux; caillou cailloux; jeu jeux; lieu lieux; feu feux; cadeau cadeaux; gateau gâteaux; bureau bureaux;
        manteau manteaux; rideau rideaux; tableau tableaux; eau eaux; peau peaux; niveau niveaux; cheval chevaux;
        journal journaux; local locaux; animal animaux; hopital hôpitaux; canal canaux; metal métaux; signal signaux;
        tuyau tuyaux; noyau noyaux; menu menus; tissu tissus; reçu reçus; trou trous; pneu pneus; adresse adresses;
        agence agences; boutique boutiques; magasin magasins; place places; parking parkings; carte cartes; chèque chèques;
        espèce espèces; paiement paiements; facture factures; prix prix; devis devis; cours cours; avis avis; taxi taxis;
        course courses; chauffeur chauffeurs; voiture voitures; bagage bagages; passager passagers; aéroport aéroports;
        gare gares; fuite fuites; robinet robinets; chaudière chaudières; radiateur radiateurs; urgence urgences;
        panne pannes; photo photos; vidéo vidéos; live lives; nail nails; hour hours; opening openings; appointment appointments;
        price prices; box boxes; brush brushes; class classes; dress dresses; watch watches; delivery deliveries; party parties;
        lady ladies; driver drivers; car cars; ride rides; address addresses; lash lashes; family families; ouvert ouverts;
        fermé fermés; disponible disponibles; gratuit gratuits; travail travaux; vitrail vitraux; bail baux; matériau matériaux;
        bleu bleus; crépu crépus; connu connus; perdu perdus; vendu vendus; bisou bisous; aveu aveux; samedi samedis;
        poilu poilus; rendu rendus; eyelash eyelashes; activity activities; jean jeans; savon savons";

    /// Pairs that a speaker keeps apart.
    const APART: &str = "
        prix pris; mois moi; fois foi; peux peu; voix vois; cours cour; sous sou; vers ver; plus plu; temps temp; corps corp;
        pois poix; croix crois; choix chois; tous toux; tout tous; deux deu; mieux mieu; ceux ce; yeux oeil; fils fil;
        mais mai; mars mar; dans dan; sans san; sens sen; puis pui; suis sui; sais sai; fais fai; dois doi; bois boi;
        pays paye; paix pays; bras bra; gros gro; frais frai; bus but; jus jupe; dos dosage; cas car; pas par; tas tasse;
        avis avion; colis col; devis deviner; tapis taper; repas repasser; appris appri; compris compri; permis permi;
        refus refuser; relais relai; palais palai; jamais jamai; toujours toujour; parfois foi; trois troi; moins moin;
        apres apre; tres tre; pres pre; acces acce; succes succe; proces proce; exces exce; univers univer; travers traverse;
        taux tau; faux fau; doux dou; roux roue; houx houe; heureux heure; curieux curie; vieux vie; nous nou; vous vou;
        lors lor; alors alor; hors hor; gens gen; news new; this thi; has ha; was wa; yes ye; glass glas; express expres;
        press pres; us use; bas base; las lasse; tissu tisse; mars marche; ours ourse; fonds fond; poids poid; cher chair;
        carte carton; tarif tarir; place placard; soin soir; coupe couple; ongle oncle; lieu lien; jeu jeune; feu feuille;
        cheveu cheval; chevaux cheveux; locaux local2; annuler annulaire; ouvert couvert; live livre; livre livret;
        prise prix; prise pris; mise mis; poser pose; massage message; taille tailleur; course cours; cours courses;
        fuite suite; gare garage; photo photocopie; sac sacre; bijou bisou; genou geno; menu menuiserie; eau au; peau pot;
        êtes été; pars par; sois soi; Paris pari; tiers tier; revers rêver; remis Rémi; vernis verni; semis semi; étais étai;
        avons Avon; Luis lui; Cannes canne; Rennes renne; divers diver; bonus bonu; bus bu; travaux traval; maux mau";

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pair = |pair: &str| {
            let mut words = pair.split_whitespace();
            Some((fold(words.next()?), fold(words.next()?)))
        };
        text.split(';').filter_map(pair).collect()
    }

    #[test]
    fn singular_and_plural_meet() {
        let pairs = pairs(MEET);
        assert!(pairs.len() >= 100, "{}", pairs.len());
        for (one, other) in pairs {
            assert_eq!(stem(&one), stem(&other), "{one} {other}");
        }
    }

    #[test]
    fn words_that_a_speaker_keeps_apart_stay_apart() {
        let pairs = pairs(APART);
        assert!(pairs.len() >= 100, "{}", pairs.len());
        for (one, other) in pairs {
            assert_ne!(stem(&one), stem(&other), "{one} {other}");
        }
    }

    #[test]
    fn the_tables_are_sorted() {
        for table in
            [KEEP_S, OUX_PLURALS, KEEP_X, AU_PLURALS, AIL_PLURALS, EUX_PLURALS, US_PLURALS, IES_PLURALS, ES_PLURALS]
        {
            assert!(table.is_sorted(), "{table:?}");
        }
    }

    proptest! {
        #[test]
        fn a_stem_never_panics_and_is_no_longer_than_its_word(word in any::<String>()) {
            let folded = fold(&word);
            prop_assert!(stem(&folded).len() <= folded.len());
        }
    }
}
