# pragma version 0.4.3
# @notice What the tests need of Decentraland's LANDRegistry, EstateRegistry and DCLRegistrar; anybody may write to it.

owners: HashMap[uint256, address]
updateOperator: public(HashMap[uint256, address])
getLandEstateId: public(HashMap[uint256, uint256])


@view
@external
def ownerOf(token: uint256) -> address:
    assert self.owners[token] != empty(address), "no owner"
    return self.owners[token]


@external
def give(token: uint256, owner: address, operator: address, estate: uint256):
    self.owners[token] = owner
    self.updateOperator[token] = operator
    self.getLandEstateId[token] = estate
