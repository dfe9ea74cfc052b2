//! The directory in memory: an immutable picture that is swapped on every change.
//!
//! A request takes one snapshot and judges everything by it. Not here: any way
//! to change it (`Directory` makes a new one after the change is durable).
//!
//! Only the last uses of keys (`identity::key_use`) go on in it. Identities are told
//! in `identity::reads`. Invariant: a number has at most one open binding, and an account that has a
//! space has exactly one default space.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chatmetric_core::{AccountKey, PhoneNumber, SpaceKey};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyLookup, KeyRecord};

use super::family::IdFamily;
use super::identity::{Identities, IdentityId, KeyUses};
use super::model::{
    AccessKey, Account, Binding, CustSpaceId, IsvGrant, NamedPolicy, Principal, Role, Space, User,
    Webhook,
};

/// The directory at one moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) records: Arc<Records>,
    pub(super) bindings: Bindings,
    pub(super) key_uses: Arc<KeyUses>,
}

/// Everything but the bindings of numbers.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) accounts: HashMap<AccountId, Arc<Account>>,
    pub(super) accounts_by_key: HashMap<AccountKey, Arc<Account>>,
    pub(super) keys: HashMap<AccessKeyId, AccessKey>,
    pub(super) users: HashMap<(AccountKey, String), Arc<User>>,
    pub(super) users_by_id: HashMap<IdentityId, (Arc<Account>, Arc<User>)>,
    pub(super) policies: HashMap<(AccountKey, String), NamedPolicy>,
    pub(super) roles: HashMap<(AccountKey, String), Arc<Role>>,
    pub(super) roles_by_id: HashMap<IdentityId, (Arc<Account>, Arc<Role>)>,
    pub(super) identities: HashMap<AccountKey, Identities>,
    pub(super) spaces: HashMap<CustSpaceId, Arc<Space>>,
    pub(super) spaces_by_key: HashMap<SpaceKey, Arc<Space>>,
    pub(super) default_spaces: HashMap<AccountKey, Arc<Space>>,
    pub(super) webhooks: HashMap<String, Arc<Webhook>>,
    pub(super) grants: HashMap<String, Vec<Arc<IsvGrant>>>,
}

/// Bindings and families of numbers, in shards, so that binding one number copies little.
#[derive(Debug, Clone)]
pub(super) struct Bindings {
    by_number: Arc<[Arc<Shard>]>,
    by_space: Arc<HashMap<SpaceKey, Arc<BTreeSet<PhoneNumber>>>>,
    families_by_account: Arc<HashMap<AccountKey, usize>>,
}

/// What is known of a number.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Oldest binding first.
    history: Arc<[Binding]>,
    /// The family of ids that each account counts of it; rarely more than one.
    families: Arc<[(AccountKey, IdFamily)]>,
}

type Shard = HashMap<PhoneNumber, Known>;

/// What is known of a number, found with one look-up.
#[derive(Debug, Clone, Copy)]
pub struct NumberState<'a> {
    /// The space that owns it now.
    pub owner: Option<&'a Arc<Space>>,
    families: &'a [(AccountKey, IdFamily)],
}

impl NumberState<'_> {
    /// The family of ids that the account counts of it, once one is decided.
    #[must_use]
    pub fn family(&self, account: AccountKey) -> Option<IdFamily> {
        let found = self.families.iter().find(|(known, _)| *known == account);
        found.map(|(_, family)| *family)
    }
}

const SHARDS: usize = 256;

impl Default for Bindings {
    fn default() -> Self {
        Self {
            by_number: (0..SHARDS).map(|_| Arc::default()).collect(),
            by_space: Arc::default(),
            families_by_account: Arc::default(),
        }
    }
}

impl Bindings {
    /// Histories, each in the order in which its bindings were made, and families.
    pub(super) fn new(
        histories: HashMap<PhoneNumber, Vec<Binding>>,
        families: HashMap<PhoneNumber, Vec<(AccountKey, IdFamily)>>,
    ) -> Self {
        let mut by_number: Vec<Shard> = vec![HashMap::new(); SHARDS];
        let mut by_space: HashMap<SpaceKey, BTreeSet<PhoneNumber>> = HashMap::new();
        for (number, history) in histories {
            for binding in history.iter().filter(|binding| binding.to.is_none()) {
                by_space.entry(binding.space).or_default().insert(number);
            }
            if let Some(shard) = by_number.get_mut(shard_of(&number)) {
                shard.entry(number).or_default().history = history.into();
            }
        }
        let mut families_by_account = HashMap::new();
        for (number, families) in families {
            for (account, _) in &families {
                *families_by_account.entry(*account).or_default() += 1;
            }
            if let Some(shard) = by_number.get_mut(shard_of(&number)) {
                shard.entry(number).or_default().families = families.into();
            }
        }
        Self {
            by_number: by_number.into_iter().map(Arc::new).collect(),
            by_space: Arc::new(
                by_space
                    .into_iter()
                    .map(|(space, numbers)| (space, Arc::new(numbers)))
                    .collect(),
            ),
            families_by_account: Arc::new(families_by_account),
        }
    }

    /// The same with new open bindings. Each number must have none so far.
    pub(super) fn with_bound(&self, added: &[(PhoneNumber, Binding)]) -> Self {
        let mut by_number: Vec<_> = self.by_number.to_vec();
        let mut by_space = HashMap::clone(&self.by_space);
        for (number, binding) in added {
            if let Some(shard) = by_number.get_mut(shard_of(number)) {
                let mut history = self.history(number).to_vec();
                history.push(*binding);
                let known = Arc::make_mut(shard).entry(*number).or_default();
                known.history = history.into();
            }
            Arc::make_mut(by_space.entry(binding.space).or_default()).insert(*number);
        }
        Self {
            by_number: by_number.into(),
            by_space: Arc::new(by_space),
            families_by_account: Arc::clone(&self.families_by_account),
        }
    }

    /// The same with families of numbers of an account, each number once.
    pub(super) fn with_families(
        &self,
        account: AccountKey,
        made: &[(PhoneNumber, IdFamily)],
    ) -> Self {
        let mut by_number: Vec<_> = self.by_number.to_vec();
        let mut fresh = 0;
        for (number, family) in made {
            let Some(shard) = by_number.get_mut(shard_of(number)) else {
                continue;
            };
            let known = Arc::make_mut(shard).entry(*number).or_default();
            let others = known.families.iter().filter(|(known, _)| *known != account);
            let families: Vec<_> = others.copied().chain([(account, *family)]).collect();
            fresh += families.len() - known.families.len();
            known.families = families.into();
        }
        let mut families_by_account = HashMap::clone(&self.families_by_account);
        *families_by_account.entry(account).or_default() += fresh;
        Self {
            by_number: by_number.into(),
            by_space: Arc::clone(&self.by_space),
            families_by_account: Arc::new(families_by_account),
        }
    }

    /// How many numbers of the account have a family.
    pub(super) fn families_count(&self, account: AccountKey) -> usize {
        let count = self.families_by_account.get(&account);
        count.copied().unwrap_or_default()
    }

    fn known(&self, number: &PhoneNumber) -> Option<&Known> {
        self.by_number.get(shard_of(number))?.get(number)
    }

    fn history(&self, number: &PhoneNumber) -> &[Binding] {
        self.known(number).map_or(&[], |known| &known.history)
    }
}

fn shard_of(number: &PhoneNumber) -> usize {
    let hash = number.as_bytes().iter().fold(0_usize, |hash, digit| {
        hash.wrapping_mul(31).wrapping_add(usize::from(*digit))
    });
    hash % SHARDS
}

impl Snapshot {
    pub(super) fn new(records: Records, bindings: Bindings, key_uses: KeyUses) -> Self {
        Self {
            records: Arc::new(records),
            bindings,
            key_uses: Arc::new(key_uses),
        }
    }

    /// Whether there is no account at all, as before the first start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.accounts.is_empty()
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.records.accounts.values()
    }

    /// The account with this id.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Arc<Account>> {
        self.records.accounts.get(id)
    }

    /// The account with this key.
    #[must_use]
    pub fn account_by_key(&self, key: AccountKey) -> Option<&Arc<Account>> {
        self.records.accounts_by_key.get(&key)
    }

    /// The AccessKey with this id, active or not.
    #[must_use]
    pub fn access_key(&self, id: &AccessKeyId) -> Option<&AccessKey> {
        self.records.keys.get(id)
    }

    /// All AccessKeys, in no order.
    pub fn access_keys(&self) -> impl Iterator<Item = &AccessKey> {
        self.records.keys.values()
    }

    /// A RAM user of an account, with the policies in effect.
    #[must_use]
    pub fn user(&self, account: AccountKey, name: &str) -> Option<&Arc<User>> {
        self.records.users.get(&(account, name.to_owned()))
    }

    /// The RAM user with this id, and its account: whoever was deleted and made again
    /// under the same name has another one.
    #[must_use]
    pub fn user_by_id(&self, id: &IdentityId) -> Option<(&Arc<Account>, &Arc<User>)> {
        let (account, user) = self.records.users_by_id.get(id)?;
        Some((account, user))
    }

    /// A policy of an account.
    #[must_use]
    pub fn policy(&self, account: AccountKey, name: &str) -> Option<&NamedPolicy> {
        self.records.policies.get(&(account, name.to_owned()))
    }

    /// A role of an account.
    #[must_use]
    pub fn role(&self, account: AccountKey, name: &str) -> Option<&Arc<Role>> {
        self.records.roles.get(&(account, name.to_owned()))
    }

    /// The space with this CustSpaceId, whoever owns it. The caller's right to
    /// it is for the caller to judge.
    #[must_use]
    pub fn space(&self, id: &str) -> Option<&Arc<Space>> {
        self.records.spaces.get(id)
    }

    /// The space with this key.
    #[must_use]
    pub fn space_by_key(&self, key: SpaceKey) -> Option<&Arc<Space>> {
        self.records.spaces_by_key.get(&key)
    }

    /// All spaces, in no order.
    pub fn spaces(&self) -> impl Iterator<Item = &Arc<Space>> {
        self.records.spaces.values()
    }

    /// The space that answers calls of the account that name none.
    #[must_use]
    pub fn default_space(&self, account: AccountKey) -> Option<&Arc<Space>> {
        self.records.default_spaces.get(&account)
    }

    /// The webhook with this id.
    #[must_use]
    pub fn webhook(&self, id: &str) -> Option<&Arc<Webhook>> {
        self.records.webhooks.get(id)
    }

    /// All webhooks, in no order.
    pub fn webhooks(&self) -> impl Iterator<Item = &Arc<Webhook>> {
        self.records.webhooks.values()
    }

    /// The grants of an IsvCode: all of one ISV account, each for another account.
    #[must_use]
    pub fn grants(&self, code: &str) -> &[Arc<IsvGrant>] {
        self.records.grants.get(code).map_or(&[], |grants| grants)
    }

    /// All ISV grants, in no order.
    pub fn all_grants(&self) -> impl Iterator<Item = &Arc<IsvGrant>> {
        self.records.grants.values().flatten()
    }

    /// Whether the code is one of this ISV account's own.
    #[must_use]
    pub fn is_own_code(&self, code: &str, account: AccountKey) -> bool {
        self.grants(code)
            .iter()
            .any(|grant| grant.isv.key == account)
    }

    /// Every binding that the number ever had, oldest first; the last one is
    /// open if the number is bound now.
    #[must_use]
    pub fn number_history(&self, number: &PhoneNumber) -> &[Binding] {
        self.bindings.history(number)
    }

    /// The space that owns the number now.
    #[must_use]
    pub fn number_owner(&self, number: &PhoneNumber) -> Option<&Arc<Space>> {
        self.open_space(self.number_history(number))
    }

    fn open_space(&self, history: &[Binding]) -> Option<&Arc<Space>> {
        let open = history.iter().rev().find(|binding| binding.to.is_none())?;
        self.space_by_key(open.space)
    }

    /// Who owns the number and which family of ids counts for it.
    #[must_use]
    pub fn number(&self, number: &PhoneNumber) -> NumberState<'_> {
        match self.bindings.known(number) {
            Some(known) => NumberState {
                owner: self.open_space(&known.history),
                families: &known.families,
            },
            None => NumberState {
                owner: None,
                families: &[],
            },
        }
    }

    /// Whether the number is, or was, bound to the space.
    #[must_use]
    pub fn was_bound(&self, space: SpaceKey, number: &PhoneNumber) -> bool {
        self.number_history(number)
            .iter()
            .any(|binding| binding.space == space)
    }

    /// The numbers that are bound to the space now, in order.
    pub fn numbers_of(&self, space: SpaceKey) -> impl Iterator<Item = PhoneNumber> + '_ {
        self.bindings
            .by_space
            .get(&space)
            .into_iter()
            .flat_map(|numbers| numbers.iter().copied())
    }

    /// How many numbers are bound to the space now.
    #[must_use]
    pub fn numbers_count(&self, space: SpaceKey) -> usize {
        self.bindings
            .by_space
            .get(&space)
            .map_or(0, |numbers| numbers.len())
    }
}

impl KeyLookup for Snapshot {
    type Principal = Principal;

    fn find_key(&self, id: &AccessKeyId) -> Option<KeyRecord<Principal>> {
        let key = self.access_key(id)?;
        Some(KeyRecord {
            secret: key.secret.clone(),
            status: key.status,
            account: key.account.id.clone(),
            principal: key.principal.clone(),
        })
    }
}
