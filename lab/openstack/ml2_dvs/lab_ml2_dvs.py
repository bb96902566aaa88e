"""Binds every port to a distributed virtual switch's port group of the network's name.

Nova's VMware driver accepts the vif types dvs and ovs only, and no maintained Neutron driver gives dvs.
"""

import importlib

from neutron_lib.plugins.ml2 import api
from sqlalchemy import orm


class DvsDriver(api.MechanismDriver):
    """The part of a driver for port groups that Nova sees; it creates no port group."""

    def initialize(self):
        """Sets up the database models: Neutron 29's get_ports reads Port.port_forwardings, which else exists after a query only."""
        importlib.import_module("neutron.db.models.port_forwarding")  # gives Port that attribute
        orm.configure_mappers()

    def bind_port(self, context):
        """Binds the port on its first segment, as active at once: nothing on a switch reports it up."""
        details = {"dvs_port_group_name": context.network.current["name"], "port_filter": False}
        for segment in context.segments_to_bind[:1]:
            context.set_binding(segment[api.ID], "dvs", details, status="ACTIVE")
